"""The order of accounts, as people change it."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from accounts import ordering
from accounts.models import Account
from accounts.tests.conftest import add_account
from accounts.tests.pages import LIST, act

pytestmark = pytest.mark.django_db(transaction=True)


def in_order() -> str:
    return "".join(account.name for account in Account.objects.in_order())


def ids(names: str) -> list[int]:
    known = dict(Account.objects.values_list("name", "pk"))
    return [known[name] for name in names]


@pytest.mark.parametrize(
    ("dragged", "order"),
    [
        ("abcde", "abcde"),
        ("edcba", "edcba"),
        ("cab", "cabde"),
        ("ec", "abedc"),  # what a filter left: d stays between them
        ("bbab", "bacde"),
        ("", "abcde"),
    ],
)
def test_accounts_change_places_among_themselves(dragged: str, order: str):
    for name in "abcde":
        add_account(name)
    ordering.arrange(ids(dragged))
    assert in_order() == order


def test_accounts_at_one_place_get_places_of_their_own():
    for name in "abc":
        add_account(name, position=0)
    assert ordering.arrange(ids("cab")) == 2
    assert in_order() == "cab"


def test_an_account_that_is_gone_is_no_matter():
    for name in "abc":
        add_account(name)
    order = ids("cba")
    Account.objects.get(name="b").delete()
    ordering.arrange(order)
    assert in_order() == "ca"


def test_dragging_writes_positions_only(admin_client: Client):
    for name in "abc":
        add_account(name)
    Account.objects.update(requests=7)
    told = admin_client.post(LIST, {"order": ids("cab")})
    assert told.status_code == 204
    assert in_order() == "cab"
    assert set(Account.objects.values_list("requests", flat=True)) == {7}


@pytest.mark.parametrize("order", ["x", "1e3", "", "9" * 30])
def test_an_order_of_no_accounts_is_refused(admin_client: Client, order: str):
    add_account("a")
    assert admin_client.post(LIST, {"order": order}).status_code in (204, 400)
    assert in_order() == "a"


def test_bulk_actions_take_accounts_to_either_end(admin_client: Client):
    rows = {name: add_account(name) for name in "abcd"}
    act(admin_client, "accounts_to_front", rows["d"], rows["c"])
    assert in_order() == "cdab"
    act(admin_client, "accounts_to_end", rows["c"])
    assert in_order() == "dabc"


def test_the_command_does_so_too():
    for name in "abcd":
        add_account(name)
    call_command("accounts", "first", "c", stdout=StringIO())
    assert in_order() == "cabd"
    call_command("accounts", "last", "a", "c", stdout=StringIO())
    assert in_order() == "bdca"
