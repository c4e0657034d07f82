"""The account pages, as a person uses them, with the simulator behind."""

from __future__ import annotations

import json

import pytest
from cryptography.fernet import Fernet
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from accounts.models import Account
from accounts.regions import BUILDER_ID_PROFILE, BUILDER_ID_START
from accounts.signals import pool_changed
from accounts.tests.conftest import ARN, add_account
from accounts.tests.pages import (
    ADD,
    LIST,
    act,
    add_form,
    change_form,
    only_account,
    page_of,
    send,
)

pytestmark = pytest.mark.django_db(transaction=True)

Block = Account.Block
ANN = {"name": "ann", "credits_limit": 1000, "credits_used": 188}
BOB = {"name": "bob", "kind": "idc", "credits_limit": 50, "credits_used": 0}


@pytest.fixture
def known(simulator):
    simulator.set_accounts([ANN, BOB])
    return simulator.account


def test_adding_a_social_account_tells_at_once_whether_it_works(admin_client, known):
    token = known("ann")["refresh_token"]
    told = send(admin_client, ADD, **add_form(name="Ann", new_refresh_token=token))
    assert "Ann: ready: 812 of 1,000 credits left, " in "\n".join(told)
    account = only_account()
    assert (account.name, account.kind, account.status) == ("Ann", "social", "ready")
    assert account.refresh_token == known("ann")["refresh_token"] != token
    assert account.available == 812


def test_adding_an_idc_account(admin_client, known):
    bob = known("bob")
    told = send(
        admin_client,
        ADD,
        **add_form(
            kind="idc",
            new_refresh_token=bob["refresh_token"],
            new_client_id=bob["client_id"],
            new_client_secret=bob["client_secret"],
        ),
    )
    assert "IdC 1: ready: 50 of 50 credits left, " in "\n".join(told)
    assert only_account().kind == "idc"


def test_a_pasted_token_file_with_its_registration_is_understood(admin_client, known):
    bob = known("bob")
    token = {
        "accessToken": "aoa",
        "refreshToken": bob["refresh_token"],
        "authMethod": "IdC",
        "clientIdHash": "0" * 40,
        "region": "eu-west-1",
    }
    registration = {"clientId": bob["client_id"], "clientSecret": bob["client_secret"]}
    pasted = json.dumps(token) + json.dumps(registration)
    send(admin_client, ADD, **add_form(name="Bob", new_refresh_token=pasted))
    account = only_account()
    assert (account.name, account.kind, account.region) == ("Bob", "idc", "eu-west-1")
    assert account.client_secret == bob["client_secret"]


def test_adding_a_builder_id(admin_client, simulator):
    simulator.set_accounts([{"name": "eve", "kind": "builder_id"}])
    eve = simulator.account("eve")
    send(
        admin_client,
        ADD,
        **add_form(
            kind="builder_id",
            new_refresh_token=eve["refresh_token"],
            new_client_id=eve["client_id"],
            new_client_secret=eve["client_secret"],
        ),
    )
    account = only_account()
    assert (account.kind, account.status) == ("builder_id", "ready")
    assert account.profile_arn == BUILDER_ID_PROFILE
    assert account.start_url == BUILDER_ID_START


def test_adding_an_api_key(admin_client, simulator):
    simulator.set_accounts([{"name": "eve", "kind": "api_key"}])
    key = simulator.account("eve")["api_key"]
    told = send(admin_client, ADD, **add_form(kind="api_key", new_api_key=key))
    assert "API key 1: ready: 1,000 of 1,000 credits left, " in "\n".join(told)
    account = only_account()
    assert (account.kind, account.api_key, account.refresh_token) == (
        "api_key",
        key,
        "",
    )
    twin = send(admin_client, ADD, **add_form(kind="api_key", new_api_key=key))
    assert twin == ["The account API key 1 came in with this refresh token."]


def test_adding_a_pasted_external_login(admin_client, simulator):
    simulator.set_accounts([{"name": "eve", "kind": "external_idp"}])
    eve = simulator.account("eve")
    pasted = {
        "authMethod": "external_idp",
        "refreshToken": eve["refresh_token"],
        "clientId": eve["client_id"],
        "tokenEndpoint": f"{simulator.url}/external/token",
        "scopes": ["api://x"],
        "proxyUrl": "direct",
    }
    send(admin_client, ADD, **add_form(new_refresh_token=json.dumps(pasted)))
    account = only_account()
    assert (account.kind, account.status) == ("external_idp", "ready")
    assert account.scopes == "api://x"
    assert account.profile_arn == simulator.account("eve")["profile_arn"]


def test_an_outbound_proxy_is_set_kept_and_removed(admin_client):
    """Without a word about the login, whose tokens stay."""
    account = add_account()
    proxy = "socks5://ann:hush@proxy.example.com:1080"
    page = page_of(account)
    send(admin_client, page, **change_form(account, new_proxy_url=proxy))
    assert only_account().proxy_url == proxy
    noted = LogEntry.objects.latest("pk").change_message
    assert "Outbound proxy" in noted
    assert "hush" not in noted
    send(admin_client, page, **change_form(account, name="Anna"))
    account.refresh_from_db()
    assert (only_account().name, only_account().proxy_url) == ("Anna", proxy)
    send(admin_client, page, **change_form(account, new_proxy_url="direct"))
    assert only_account().proxy_url == ""
    assert (only_account().access_token, only_account().token_version) == ("aoa-ann", 0)


def test_the_endpoint_is_changed_and_an_api_key_needs_its_profile_there(admin_client):
    account = add_account(kind="api_key", api_key="ksk_1", profile_arn="")
    page = page_of(account)
    told = send(admin_client, page, **change_form(account, endpoint="runtime"))
    assert told == ["With an API key the runtime endpoint needs a profile ARN."]
    send(
        admin_client, page, **change_form(account, endpoint="runtime", profile_arn=ARN)
    )
    assert only_account().endpoint == "runtime"


def test_a_pasted_list_adds_them_all_in_order(admin_client, known):
    pasted = [
        {"refreshToken": known("ann")["refresh_token"], "description": "Ann"},
        {
            "auth": "IdC",
            "refreshToken": known("bob")["refresh_token"],
            "clientId": known("bob")["client_id"],
            "clientSecret": known("bob")["client_secret"],
        },
    ]
    told = send(admin_client, ADD, **add_form(new_refresh_token=json.dumps(pasted)))
    assert told[0].startswith("2 accounts added.")
    assert "2 of 2 accounts: done" in told
    assert [a.name for a in Account.objects.in_order()] == ["Ann", "IdC 2"]


def test_a_refused_account_is_kept_and_says_why(admin_client, known, simulator):
    simulator.kill_refresh_token("ann")
    token = known("ann")["refresh_token"]
    told = send(admin_client, ADD, **add_form(name="Ann", new_refresh_token=token))
    assert "Ann: the sign-in service no longer accepts the refresh token" in told
    assert only_account().status == "rejected"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "This field is required."),
        ({"new_refresh_token": "{"}, "This is not JSON: Expecting property name"),
        ({"new_refresh_token": "[]"}, "There is no account in it."),
        ({"new_refresh_token": "{}"}, "refreshToken is missing"),
        ({"new_refresh_token": "[5, {}]"}, "1: not an object"),
        ({"new_refresh_token": "a b"}, "refreshToken holds characters"),
        (
            {"new_refresh_token": "aor", "kind": "idc"},
            "IdC needs clientId and clientSecret",
        ),
        ({"new_refresh_token": "aor", "region": "x.evil.com"}, "This is not a region."),
        (
            {"new_refresh_token": "aor", "profile_arn": "arn:x"},
            "This is not a profile ARN.",
        ),
        ({"new_refresh_token": "aor-first"}, "The account first came in with this"),
        ({"kind": "api_key"}, "This field is required."),
        ({"kind": "external_idp", "new_refresh_token": "aor"}, "Select a valid choice"),
        (
            {"new_api_key": "ksk_1", "endpoint": "runtime"},
            "with an API key the runtime endpoint needs profileArn",
        ),
        (
            {"new_api_key": "ksk_1", "new_refresh_token": "aor"},
            "Either a refresh token or an API key",
        ),
        (
            {"new_refresh_token": "aor", "new_proxy_url": "ftp://hush@x"},
            "This is not the address of a proxy.",
        ),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_saved(
    admin_client, simulator, fields, said
):
    send(admin_client, ADD, **add_form(name="first", new_refresh_token="aor-first"))
    told = send(admin_client, ADD, **add_form(**fields))
    assert any(message.startswith(said) for message in told), told
    assert Account.objects.count() == 1


def test_no_page_shows_a_secret(admin_client):
    secrets = {
        "refresh_token": "hush-refresh",
        "access_token": "hush-access",
        "client_id": "hush-client",
        "client_secret": "hush-secret",
        "api_key": "ksk_hush",
        "proxy_url": "http://ann:hush@proxy.example.com",
    }
    account = add_account(kind="idc", last_error="x", **secrets)
    bad = change_form(
        account,
        region="!",
        new_refresh_token="hush-typed",
        new_proxy_url="socks5://ann:hush@proxy.example.com",
    )
    pages = [
        admin_client.get(LIST),
        admin_client.get(page_of(account)),
        admin_client.post(page_of(account), bad),
        admin_client.get(f"{page_of(account)[:-7]}history/"),
        admin_client.get(f"{page_of(account)[:-7]}delete/"),
    ]
    for page in pages:
        assert page.status_code == 200
        assert "hush" not in page.content.decode()
    assert "It is set. Leave empty to keep it." in pages[1].content.decode()


def test_boxes_left_empty_keep_the_login(admin_client, simulator):
    account = add_account(blocked_reason=Block.SUSPENDED)
    send(admin_client, page_of(account), **change_form(account, name="Anna"))
    row = only_account()
    assert row.name == "Anna"
    assert (row.refresh_token, row.access_token) == ("aor-ann", "aoa-ann")
    assert (row.blocked_reason, row.token_version) == (Block.SUSPENDED, 0)
    assert simulator.calls("RefreshToken") == 0


def test_what_requests_write_meanwhile_survives_a_change(admin_client):
    """The form is open for minutes; only what the person changed is saved."""
    account = add_account()
    form = change_form(account, enabled="")
    Account.objects.update(requests=7, access_token="aoa-new", available=3.0)
    send(admin_client, page_of(account), **{k: v for k, v in form.items() if v})
    row = only_account()
    assert not row.enabled
    assert (row.requests, row.access_token, row.available) == (7, "aoa-new", 3.0)


def test_a_new_login_unblocks_a_rejected_account(admin_client, known):
    account = add_account(
        blocked_reason=Block.REJECTED,
        blocked_since=timezone.now(),
        profile_arn="",
    )
    token = known("ann")["refresh_token"]
    told = send(
        admin_client, page_of(account), **change_form(account, new_refresh_token=token)
    )
    assert "ann: ready: 812 of 1,000 credits left, " in "\n".join(told)
    row = only_account()
    assert row.status == "ready"
    assert row.access_token == known("ann")["access_token"]
    noted = LogEntry.objects.latest("pk").change_message
    assert "Refresh token" in noted
    assert token not in noted


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"new_client_id": "c"}, "A new client needs its own refresh token."),
        (
            {"new_refresh_token": '[{"refreshToken": "a"}, {"refreshToken": "b"}]'},
            "These are several accounts; here goes one.",
        ),
    ],
)
def test_half_a_login_is_refused(admin_client, fields, said):
    account = add_account()
    told = send(admin_client, page_of(account), **change_form(account, **fields))
    assert told == [said]
    assert only_account().refresh_token == "aor-ann"


def test_an_account_that_no_key_opens_can_be_seen_and_signed_in_again(
    admin_client, known, settings
):
    account = add_account()
    settings.SECRET_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert "ann" in admin_client.get(LIST).content.decode()
    page = admin_client.get(page_of(account)).content.decode()
    assert "no encryption key opens it" in page
    token = json.dumps({"refreshToken": known("ann")["refresh_token"]})
    send(
        admin_client, page_of(account), **change_form(account, new_refresh_token=token)
    )
    assert only_account().status == "ready"


def test_actions_report_a_count(admin_client):
    rows = [add_account(n, blocked_reason=Block.SUSPENDED) for n in "ab"]
    assert act(admin_client, "disable_accounts", *rows) == ["2 accounts disabled."]
    assert act(admin_client, "disable_accounts", *rows) == ["0 accounts disabled."]
    assert act(admin_client, "enable_accounts", rows[0]) == ["1 account enabled."]
    assert act(admin_client, "unblock_accounts", *rows) == ["2 accounts unblocked."]
    assert act(admin_client, "unblock_accounts", *rows) == ["0 accounts unblocked."]
    assert [a.status for a in Account.objects.in_order()] == ["ready", "disabled"]


def test_who_did_what_is_written_down(admin_client):
    account = add_account("ann", blocked_reason=Block.SUSPENDED)
    act(admin_client, "unblock_accounts", account)
    act(admin_client, "disable_accounts", account)
    deeds = LogEntry.objects.values_list(
        "user__is_superuser", "object_repr", "change_message"
    )
    assert set(deeds) == {(True, "ann", "unblocked"), (True, "ann", "disabled")}


def test_asking_the_service_about_many_tells_who_failed(
    admin_client, know_account, simulator
):
    good, dead = know_account("good"), know_account("dead")
    third = know_account("third")
    simulator.kill_refresh_token("dead")
    told = act(admin_client, "renew_tokens", good, dead, third)
    assert told == [
        "2 of 3 accounts: done",
        "dead: the sign-in service no longer accepts the refresh token",
    ]
    assert simulator.account("good")["refreshes"] == 1
    assert act(admin_client, "renew_tokens", good) == ["good: token renewed"]
    assert simulator.account("good")["refreshes"] == 2


def test_reading_credits(admin_client, know_account):
    account = know_account(credits_limit=1000, credits_used=1000)
    assert act(admin_client, "read_credits", account) == [
        "ann: works, but is out of credits"
    ]
    assert only_account().status == "exhausted"


def test_a_test_finds_a_suspended_account_out(admin_client, know_account):
    account = know_account(state="suspended")
    told = act(admin_client, "test_accounts", account)
    assert told == ["ann: the service has suspended the account"]
    assert only_account().status == "suspended"


BUTTONS = ["test", "renew", "credits", "unblock"]


@pytest.mark.parametrize("path", BUTTONS)
def test_a_button_asks_before_it_acts(admin_client, simulator, path):
    account = add_account(blocked_reason=Block.SUSPENDED)
    response = admin_client.get(f"{LIST}{account.pk}/{path}/")
    assert response.status_code == 200
    assert "csrfmiddlewaretoken" in response.content.decode()
    assert only_account().blocked_reason == Block.SUSPENDED
    assert simulator.requests() == []


def test_a_button_acts_and_leads_back(admin_client):
    account = add_account(blocked_reason=Block.SUSPENDED)
    page = f"http://testserver{page_of(account)}"
    response = admin_client.post(
        f"{LIST}{account.pk}/unblock/",
        {"_form_submitted": "on"},
        headers={"HX-Current-URL": page},
    )
    assert response["HX-Redirect"] == page
    assert only_account().status == "ready"


def test_a_button_leads_to_no_other_host(admin_client):
    account = add_account()
    response = admin_client.post(
        f"{LIST}{account.pk}/unblock/",
        {"_form_submitted": "on"},
        headers={"HX-Current-URL": "https://evil.example/"},
    )
    assert response["HX-Redirect"] == LIST


@pytest.fixture
def viewer(client):
    user = User.objects.create_user("eve", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_account"))
    client.force_login(user)
    return client


def test_who_may_only_look_can_only_look(viewer):
    account = add_account(access_token="hush", blocked_reason=Block.SUSPENDED)
    page = viewer.get(page_of(account))
    assert page.status_code == 200
    assert "new_refresh_token" not in page.content.decode()
    assert "unblock" not in viewer.get(LIST).content.decode()
    assert viewer.get(ADD).status_code == 403
    for path in BUTTONS:
        url = f"{LIST}{account.pk}/{path}/"
        assert viewer.post(url, {"_form_submitted": "on"}).status_code == 403
    viewer.post(LIST, {"action": "unblock_accounts", "_selected_action": account.pk})
    assert only_account().blocked_reason == Block.SUSPENDED


def test_a_deleted_account_is_gone_and_listeners_hear_of_it(admin_client):
    heard = []

    def listen(sender, **kwargs):
        heard.append(Account.objects.count())

    account, other = add_account("a"), add_account("b")
    pool_changed.connect(listen)
    try:
        admin_client.post(f"{LIST}{account.pk}/delete/", {"post": "yes"})
        chosen = {"action": "delete_selected", "_selected_action": other.pk}
        admin_client.post(LIST, chosen | {"post": "yes"})
    finally:
        pool_changed.disconnect(listen)
    assert heard == [1, 0]


def test_a_profile_may_be_given_by_hand(admin_client):
    account = add_account(profile_arn="")
    send(admin_client, page_of(account), **change_form(account, profile_arn=ARN))
    assert only_account().profile_arn == ARN
