"""A test prompt, from the admin and by command."""

from __future__ import annotations

import io

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from accounts.tests.conftest import add_account
from simulator.control import GENERATE, Control

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = {"model": "claude-sonnet-4-5", "text": "Are you there?"}


@pytest.fixture
def simulator(simulator: Control, connections: None) -> Control:
    names = ("first", "second")
    simulator.set_accounts([{"name": name, "kind": "social"} for name in names])
    return simulator


@pytest.fixture
def second(simulator: Control) -> Account:
    known = [simulator.account(name) for name in ("first", "second")]
    _first, second = [
        add_account(
            account["name"],
            refresh_token=account["refresh_token"],
            access_expires_at=None,
        )
        for account in known
    ]
    return second


def page_of(account: Account) -> str:
    return reverse("account_prompt", args=[account.pk])


def test_the_answer_comes_from_the_chosen_account(admin_client, simulator, second):
    simulator.enqueue("text")
    assert "Hello" not in admin_client.get(page_of(second)).content.decode()
    page = admin_client.post(page_of(second), ASKED).content.decode()
    assert "Hello" in page
    (request,) = simulator.requests(GENERATE)
    assert request["account"] == "second"
    deed = LogEntry.objects.get()
    assert (deed.object_repr, deed.change_message) == ("second", "sent a test prompt")


def test_several_accounts_each_answer_or_say_why_not(admin_client, simulator, second):
    first = Account.objects.get(name="first")
    simulator.update_account("second", state="suspended")
    page = f"{reverse('account_prompts')}?account={second.pk}&account={first.pk}"
    told = admin_client.post(page, ASKED)
    trials = {account.name: trial for account, trial in told.context["trials"]}
    assert list(trials) == ["first", "second"]
    assert (trials["first"].error, trials["first"].answer != "") == ("", True)
    assert "suspended" in trials["second"].error
    assert LogEntry.objects.count() == 2


@pytest.mark.parametrize("query", ["", "?account=x", "?account=0", "?account=²"])
def test_no_account_is_no_page(admin_client, simulator, query):
    assert admin_client.get(reverse("account_prompts") + query).status_code == 404


def test_what_went_wrong_is_told(admin_client, simulator, second):
    simulator.update_account("second", state="suspended")
    page = admin_client.post(page_of(second), ASKED).content.decode()
    assert "the account is suspended by the service" in page
    assert simulator.requests(GENERATE, account="first") == []


def test_the_command_prints_the_answer(simulator, second):
    simulator.enqueue("text")
    out = io.StringIO()
    call_command("send_prompt", "second", "Are you there?", stdout=out)
    assert "Hello" in out.getvalue()
    with pytest.raises(CommandError, match="no account called third"):
        call_command("send_prompt", "third", "Are you there?")


def test_who_may_only_look_sends_none(client: Client, second):
    viewer = User.objects.create(username="eve", is_staff=True)
    viewer.groups.add(Group.objects.get(name="viewer"))
    client.force_login(viewer)
    assert client.post(page_of(second), ASKED).status_code == 403


def test_nobody_is_led_to_the_login(client: Client, second):
    answer = client.post(page_of(second), ASKED)
    assert answer["location"].startswith(reverse("admin:login"))
