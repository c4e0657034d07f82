"""How accounts come in, from KIRO_AUTH_TOKEN, files and by hand."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.utils import timezone

from accounts.intake import (
    import_configured,
    import_text,
    owner_of,
    replace_login,
)
from accounts.models import Account, ImportedToken
from accounts.signals import pool_changed
from accounts.tests.conftest import add_account

pytestmark = pytest.mark.django_db

THREE = [
    {"auth": "Social", "refreshToken": "aor-1", "description": "Ann"},
    {
        "auth": "IdC",
        "refreshToken": "aor-2",
        "clientId": "client",
        "clientSecret": "secret",
        "description": "Bob",
    },
    {"refreshToken": "aor-3"},
]


def configure(settings, value: object):
    settings.KIRO_AUTH_TOKEN = value if isinstance(value, str) else json.dumps(value)
    return import_configured()


def names() -> list[str]:
    return [account.name for account in Account.objects.in_order()]


def test_a_list_comes_in_its_own_order_under_its_own_names(settings):
    report = configure(settings, THREE)
    assert report.added == names() == ["Ann", "Bob", "Social 3"]
    assert (report.known, report.faults) == (0, [])
    bob = Account.objects.with_secrets().get(name="Bob")
    assert (bob.kind, bob.refresh_token) == ("idc", "aor-2")
    assert (bob.client_id, bob.client_secret) == ("client", "secret")


def test_one_object_will_do(settings):
    configure(settings, THREE[0])
    assert names() == ["Ann"]


def test_nothing_configured_is_nothing_to_do(settings):
    report = configure(settings, "")
    assert (report.added, report.known, report.faults) == ([], 0, [])


def test_a_file_may_hold_it(settings, tmp_path):
    file = tmp_path / "tokens.json"
    file.write_text(json.dumps(THREE), encoding="utf-8")
    configure(settings, str(file))
    assert len(names()) == 3


def test_a_second_start_changes_nothing(settings):
    configure(settings, THREE)
    ann, bob, third = Account.objects.in_order()
    Account.objects.filter(pk=ann.pk).update(
        name="Anna", position=7, refresh_token="rotated", enabled=False
    )
    bob.delete()
    before = list(Account.objects.values().order_by("pk"))
    report = configure(settings, THREE)
    assert (report.added, report.known) == ([], 3)
    assert list(Account.objects.values().order_by("pk")) == before


def test_new_entries_go_to_the_end_wherever_they_stand(settings):
    configure(settings, THREE)
    configure(settings, [{"refreshToken": "aor-4", "description": "New"}, *THREE])
    assert names() == ["Ann", "Bob", "Social 3", "New"]


def test_a_file_with_priorities_is_used_by_them(settings):
    ranked = [
        {"refreshToken": f"aor-{name}", "description": name, "priority": priority}
        for name, priority in (("c", 2), ("a", 0), ("b", 1), ("d", 2))
    ]
    configure(settings, ranked)
    assert names() == ["a", "b", "c", "d"]


def test_all_that_an_entry_says_is_kept():
    told = {
        "authMethod": "external_idp",
        "refreshToken": "aor",
        "clientId": "app",
        "tokenEndpoint": "https://id.example.com/token",
        "scopes": "api://x",
        "endpoint": "runtime",
        "proxyUrl": "http://ann:hush@proxy.example.com",
    }
    idc = THREE[1] | {"clientSecretExpiresAt": 1_780_000_000, "region": "eu-west-1"}
    idc["startUrl"] = "https://acme.awsapps.com/start"
    import_text(json.dumps([told, idc]))
    external, bob = Account.objects.with_secrets().in_order()
    assert (external.kind, external.client_id) == ("external_idp", "app")
    assert external.token_endpoint == "https://id.example.com/token"
    assert (external.scopes, external.endpoint) == ("api://x", "runtime")
    assert external.proxy_url == "http://ann:hush@proxy.example.com"
    expires = datetime.fromtimestamp(1_780_000_000, UTC)
    assert bob.registration_expires_at == expires
    assert (bob.start_url, bob.region) == (idc["startUrl"], "eu-west-1")
    stored = connection.cursor()
    stored.execute("SELECT proxy_url, client_id FROM accounts_account")
    assert "hush" not in repr(stored.fetchall())
    stored.close()


def test_an_api_key_comes_in_once():
    text = json.dumps({"kiroApiKey": "ksk_1"})
    assert import_text(text).added == ["API key 1"]
    assert import_text(text).known == 1
    account = Account.objects.with_secrets().get()
    assert (account.api_key, account.refresh_token) == ("ksk_1", "")
    assert owner_of("ksk_1") == account
    replace_login(account.pk, {"api_key": "ksk_2"})
    assert owner_of("ksk_2") == account


def test_a_disabled_entry_is_kept_disabled(settings):
    configure(settings, [THREE[0] | {"disabled": True}])
    assert not Account.objects.get().enabled


def test_bad_entries_are_named_and_the_good_ones_serve(settings):
    report = configure(settings, [{"auth": "IdC", "refreshToken": "x"}, THREE[0], 5])
    assert report.added == ["Ann"]
    assert [str(fault) for fault in report.faults] == [
        "entry 1: IdC needs clientId and clientSecret",
        "entry 3: not an object",
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('[\n {"refreshToken": "hush" 1}]', "line 2, column 26"),
        ("aor-hush", "neither JSON"),
        ("/nowhere/hush.json", "neither JSON"),
        ("/tmp", "neither JSON"),
    ],
)
def test_what_is_no_json_stops_the_start_and_is_not_quoted(settings, value, said):
    with pytest.raises(ImproperlyConfigured, match=said) as raised:
        configure(settings, value)
    assert "hush" not in str(raised.value)
    assert not Account.objects.exists()


def test_a_file_that_is_no_text_is_said(settings, tmp_path):
    file = tmp_path / "tokens.json"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        configure(settings, str(file))


@pytest.mark.django_db(transaction=True)
def test_processes_that_start_together_import_once(settings):
    settings.KIRO_AUTH_TOKEN = json.dumps(
        [{"refreshToken": f"aor-{n}", "description": f"{n}"} for n in range(10)]
    )
    start = threading.Barrier(4)
    added: list[str] = []

    def prepare() -> None:
        start.wait()
        added.extend(import_configured().added)
        connection.close()

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(added) == sorted(names()) == [str(n) for n in range(10)]
    assert names() == [str(n) for n in range(10)]


def test_by_hand_a_deleted_account_comes_back_but_no_twin():
    text = json.dumps(THREE[0])
    import_text(text)
    assert import_text(text, again=True).known == 1
    Account.objects.get().delete()
    assert import_text(text).known == 1
    assert import_text(text, again=True).added == ["Ann"]
    assert ImportedToken.objects.get().account == Account.objects.get()


def test_listeners_hear_of_what_came_in(django_capture_on_commit_callbacks):
    heard = []

    def listen(sender, **kwargs):
        heard.append(sender)

    pool_changed.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            import_text(json.dumps(THREE[0]))
    finally:
        pool_changed.disconnect(listen)
    assert heard == [None]


def test_a_new_login_takes_the_old_ones_things_away():
    account = add_account(
        blocked_reason=Account.Block.REJECTED,
        blocked_since=timezone.now(),
        last_error="dead",
        refusals=3,
        lease_until=timezone.now(),
        lease_owner="me",
        requests=5,
    )
    replace_login(account.pk, {"refresh_token": "new"})
    row = Account.objects.with_secrets().get()
    assert (row.refresh_token, row.access_token, row.access_token_tail) == (
        "new",
        "",
        "",
    )
    assert row.token_version == account.token_version + 1
    assert not row.blocked
    assert (row.refusals, row.last_error, row.lease_owner) == (0, "", "")
    assert row.requests == 5
