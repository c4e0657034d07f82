"""Two people at the page of one account."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts.intake import replace_login
from accounts.models import Account, AccountGroup
from accounts.tests.conftest import add_account
from accounts.tests.pages import change_form, page_of, send

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def grace() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("grace", password=None))
    return client


def row() -> Any:
    return Account.objects.with_secrets().get()


def typed_again(client: Client, account: Account, form: dict[str, Any]) -> Any:
    """What the form holds when it comes back with its faults."""
    answer = client.post(page_of(account), form)
    return answer.context["adminform"].form


def test_the_second_is_told_and_both_get_what_they_wanted(
    admin_client: Client, grace: Client
):
    account = add_account()
    form = change_form(account, name="Anna")
    page = page_of(account)
    send(grace, page, **change_form(account, max_concurrent=3, region="eu-west-1"))
    (told,) = send(admin_client, page, **form)
    assert "grace changed: Requests at once, Region." in told
    assert (row().name, row().max_concurrent) == ("ann", 3)
    again = typed_again(admin_client, account, form)
    send(admin_client, page, **again.data.dict())
    assert (row().name, row().max_concurrent, row().region) == ("Anna", 3, "eu-west-1")


def test_a_field_that_both_set_is_asked_about(admin_client: Client, grace: Client):
    account = add_account()
    form = change_form(account, name="Anna")
    page = page_of(account)
    send(grace, page, **change_form(account, name="Annette"))
    told = send(admin_client, page, **form)
    assert "It is now: Annette. Save again to change it to yours." in told
    assert row().name == "Annette"
    again = typed_again(admin_client, account, form)
    assert again["name"].value() == "Anna"
    send(admin_client, page, **again.data.dict())
    assert row().name == "Anna"


def test_groups_models_and_switches_are_kept(admin_client: Client, grace: Client):
    account = add_account(offered_models={"one": {}, "two": {}})
    team = AccountGroup.objects.create(name="team")
    form = change_form(account, name="Anna")
    theirs = change_form(account, groups=[team.pk], served_models=["two"])
    del theirs["enabled"]
    send(grace, page_of(account), **theirs)
    again = typed_again(admin_client, account, form)
    assert not again["enabled"].value()
    admin_client.post(page_of(account), again.data)
    assert row().name == "Anna"
    assert not row().enabled
    assert Account.objects.defer(None).get().served_models == {"two": True}
    assert list(row().groups.all()) == [team]


def test_a_new_login_or_proxy_is_told_of_and_kept(admin_client: Client, grace: Client):
    account = add_account()
    form = change_form(account, name="Anna")
    replace_login(account.pk, {"refresh_token": "aor-newer"})
    proxy = "http://proxy.example.com:3128"
    send(grace, page_of(account), **change_form(account, new_proxy_url=proxy))
    (told,) = send(admin_client, page_of(account), **form)
    assert "Refresh token, Outbound proxy" in told
    again = typed_again(admin_client, account, form)
    send(admin_client, page_of(account), **again.data.dict())
    assert (row().name, row().refresh_token, row().proxy_url) == (
        "Anna",
        "aor-newer",
        proxy,
    )


def test_what_the_pool_writes_meanwhile_disturbs_nobody(admin_client: Client):
    account = add_account()
    form = change_form(account, name="Anna")
    Account.objects.update(
        requests=7, token_version=9, refresh_token="aor-rotated", available=3.0
    )
    send(admin_client, page_of(account), **form)
    assert (row().name, row().refresh_token) == ("Anna", "aor-rotated")


@pytest.mark.parametrize("seen", ["", "{", "[]", "5"])
def test_a_form_without_what_was_seen_saves_nothing(admin_client: Client, seen: str):
    account = add_account()
    told = send(
        admin_client, page_of(account), **change_form(account, name="A", seen=seen)
    )
    assert told
    assert row().name == "ann"


def test_what_was_seen_holds_no_secret(admin_client: Client):
    account = add_account(refresh_token="hush", proxy_url="http://ann:hush@x.example")
    form = admin_client.get(page_of(account)).context["adminform"].form
    assert "hush" not in form.initial["seen"]
    assert json.loads(form.initial["seen"])["name"] == "ann"
