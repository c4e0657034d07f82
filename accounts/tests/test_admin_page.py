"""The page of one account."""

from __future__ import annotations

import logging

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.models import Account, AccountGroup
from accounts.tests.conftest import add_account
from accounts.tests.pages import LIST, act, add_form, change_form, page_of, send

pytestmark = pytest.mark.django_db(transaction=True)

Block = Account.Block


def now(account: Account) -> Account:
    return Account.objects.defer(None).get(pk=account.pk)


def test_groups_models_and_limits_are_set(admin_client: Client):
    account = add_account(offered_models={"one": {}, "two": {}})
    team = AccountGroup.objects.create(name="team")
    limits = {"max_concurrent": 3, "requests_per_minute": 20, "credit_floor": 50}
    form = change_form(account, groups=[team.pk], served_models=["one"], **limits)
    send(admin_client, page_of(account), **form)
    row = now(account)
    assert list(row.groups.all()) == [team]
    assert row.served_models == {"one": True}
    assert {name: getattr(row, name) for name in limits} == limits
    emptied = change_form(row) | {"credit_floor": ""}
    send(admin_client, page_of(account), **emptied)
    row = now(account)
    assert (row.groups.count(), row.served_models, row.credit_floor) == (0, {}, 0)


def test_a_model_that_is_no_longer_listed_can_be_seen_and_let_go(admin_client: Client):
    account = add_account(offered_models={"new": {}}, served_models={"old": True})
    page = admin_client.get(page_of(account)).content.decode()
    assert "old (not on its list)" in page
    form = change_form(account, served_models=["new"])
    send(admin_client, page_of(account), **form)
    assert now(account).served_models == {"new": True}


def test_a_model_by_a_name_that_no_model_has_is_refused(admin_client: Client):
    account = add_account()
    form = change_form(account, served_models=["a b"])
    (told,) = send(admin_client, page_of(account), **form)
    assert "a b" in told
    assert now(account).served_models == {}


def test_new_accounts_go_into_groups(admin_client: Client, simulator):
    team = AccountGroup.objects.create(name="team")
    pasted = '[{"refreshToken": "aor-1"}, {"refreshToken": "aor-2"}]'
    form = add_form(new_refresh_token=pasted, groups=[team.pk])
    send(admin_client, f"{LIST}add/", **form)
    assert team.accounts.count() == 2


@pytest.mark.parametrize(("ticked", "word"), [("on", "enabled"), ("", "disabled")])
def test_the_switch_is_logged_as_the_button_is(
    admin_client: Client, caplog: pytest.LogCaptureFixture, ticked: str, word: str
):
    account = add_account(enabled=not ticked)
    form = change_form(account) | {"enabled": ticked}
    if not ticked:
        del form["enabled"]
    with caplog.at_level(logging.INFO, "accounts"):
        send(admin_client, page_of(account), **form)
    assert now(account).enabled is bool(ticked)
    assert f"account ann: {word} by a person" in caplog.messages


@pytest.mark.parametrize("reason", list(Block))
def test_every_trouble_says_what_to_do(admin_client: Client, reason: Account.Block):
    account = add_account(blocked_reason=reason)
    page = admin_client.get(page_of(account)).content.decode()
    assert "account-advice" in page


def test_only_the_boxes_that_its_kind_needs_are_there(admin_client: Client):
    social = admin_client.get(page_of(add_account())).content.decode()
    assert 'name="new_refresh_token"' in social
    assert 'name="new_client_secret"' not in social
    key = add_account("key", kind="api_key", api_key="ksk_1", refresh_token="")
    page = admin_client.get(page_of(key)).content.decode()
    assert 'name="new_api_key"' in page
    assert 'name="new_refresh_token"' not in page
    assert "Token expires" not in page


def test_an_api_key_says_that_it_needs_no_renewing(admin_client: Client, simulator):
    key = add_account("key", kind="api_key", api_key="ksk_1", refresh_token="")
    told = act(admin_client, "renew_tokens", key)
    assert told == ["key: an API key has no token to renew"]
    assert simulator.requests() == []


def buttons(client: Client, account: Account) -> set[str]:
    answer = client.get(page_of(account))
    entries = answer.context["actions_detail"]
    paths = [e["path"] for e in entries if "path" in e]
    paths += [item["path"] for e in entries for item in e.get("items", ())]
    return {path.rstrip("/").rpartition("/")[2] for path in paths}


def test_buttons_are_for_what_there_is_to_do(admin_client: Client):
    always = {"sign-in", "test", "try", "credits"}
    ready = add_account("ready")
    assert buttons(admin_client, ready) == always | {"renew", "disable"}
    stuck = add_account("stuck", blocked_reason=Block.SUSPENDED, enabled=False)
    assert buttons(admin_client, stuck) == always | {"renew", "unblock", "enable"}
    key = add_account("key", kind="api_key", api_key="ksk_1")
    assert buttons(admin_client, key) == always | {"disable"}


@pytest.mark.parametrize(("path", "enabled"), [("enable", True), ("disable", False)])
def test_the_switch_has_buttons(admin_client: Client, path: str, enabled: bool):
    account = add_account(enabled=not enabled)
    address = f"{LIST}{account.pk}/{path}/"
    admin_client.post(address, {"_form_submitted": "on"})
    assert now(account).enabled is enabled
    assert LogEntry.objects.get().change_message == f"{path}d"
