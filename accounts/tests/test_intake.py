"""How accounts come in, from KIRO_AUTH_TOKEN, files and by hand."""

from __future__ import annotations

import io
import json
import threading

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.intake import import_configured, import_text, replace_login
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


def test_the_command_reads_files_and_says_what_it_did(tmp_path, capsys):
    token = {
        "refreshToken": "aor-2",
        "authMethod": "IdC",
        "clientIdHash": "0" * 40,
    }
    (tmp_path / "token.json").write_text(json.dumps(token))
    registration = {"clientId": "client", "clientSecret": "secret"}
    (tmp_path / "client.json").write_text(json.dumps(registration))
    (tmp_path / "more.json").write_text(json.dumps([THREE[0], {}]))
    files = [str(tmp_path / f"{n}.json") for n in ("token", "client", "more")]
    call_command("import_accounts", *files)
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "added: IdC 1",
        "added: Ann",
        "2 added, 0 known before, 1 skipped",
    ]
    assert err == "skipped: entry 3: refreshToken is missing\n"


def test_the_command_reads_the_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(THREE)))
    call_command("import_accounts", "-", stdout=io.StringIO())
    assert len(names()) == 3


def test_the_command_without_a_file_takes_what_is_configured(settings):
    settings.KIRO_AUTH_TOKEN = json.dumps(THREE)
    call_command("import_accounts", stdout=io.StringIO())
    assert len(names()) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[{}", "not JSON: .* line 1, column 4"),
        ("[{}]", "nothing that could be used"),
        (None, "cannot be read: FileNotFoundError"),
    ],
)
def test_the_command_fails_when_nothing_comes_of_it(tmp_path, content, said):
    file = tmp_path / "tokens.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(CommandError, match=said):
        call_command(
            "import_accounts", str(file), stdout=io.StringIO(), stderr=io.StringIO()
        )
