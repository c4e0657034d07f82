"""The commands: what they write, on the terminal and in the database."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from accounts.management.tables import table
from accounts.models import Account
from accounts.signals import pool_changed
from accounts.tests.conftest import add_account

ANN = {"auth": "Social", "refreshToken": "aor-1", "description": "ann"}
BOB = {
    "auth": "IdC",
    "refreshToken": "aor-2",
    "clientId": "client",
    "clientSecret": "secret",
    "description": "bob",
    "region": "eu-west-1",
}


def run(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def failing(*command: str) -> tuple[str, str]:
    """What it wrote, and what it failed with."""
    out = io.StringIO()
    with pytest.raises(CommandError) as failed:
        call_command(*command, stdout=out)
    return out.getvalue(), str(failed.value)


def answer(*command: str) -> Any:
    return json.loads(run(*command, "--json"))


@pytest.fixture
def file(tmp_path):
    def write(content: Any, name: str = "accounts.json") -> str:
        path: Path = tmp_path / name
        path.write_text(json.dumps(content))
        return str(path)

    return write


@pytest.mark.django_db
class TestImport:
    def test_it_writes_line_by_line_what_it_does(self, file):
        path = file([ANN, BOB])
        assert run("import_accounts", path).splitlines() == [
            "line  what happens  name  kind    region     profile  file and entry",
            f"1     new           ann   Social  us-east-1           {path}: 1",
            f"2     new           bob   IdC     eu-west-1           {path}: 2",
            "",
            "2 new",
            "2 accounts added.",
        ]
        assert Account.objects.count() == 2

    def test_a_dry_run_writes_the_same_and_nothing_into_the_database(self, file):
        path = file([ANN, BOB])
        dry = run("import_accounts", path, "--dry-run")
        assert Account.objects.count() == 0
        assert run("import_accounts", path) == f"{dry}2 accounts added.\n"

    def test_a_fault_fails_the_command_but_keeps_no_other_entry_back(self, file):
        path = file([ANN, {"auth": "IdC"}])
        for options in (["--dry-run"], []):
            out, why = failing("import_accounts", path, *options)
            assert "1 new, 1 unusable" in out
            assert why == "1 of 2 entries cannot be used."
        assert Account.objects.get().name == "ann"

    def test_what_is_known_already_is_no_fault(self, file):
        path = file(ANN)
        run("import_accounts", path)
        out = run("import_accounts", path)
        assert "known: ann stays as it is" in out
        assert out.endswith("There is nothing to import.\n")

    def test_a_token_file_and_its_registration_are_two_files(self, file):
        token = file(
            {"refreshToken": "a", "authMethod": "IdC", "clientIdHash": "0" * 40}, "t"
        )
        client = {"clientId": "client", "clientSecret": "secret"}
        run("import_accounts", file(client, "client.json"), token)
        assert Account.objects.get().kind == "idc"

    def test_the_standard_input_is_a_file(self, monkeypatch):
        content = io.TextIOWrapper(io.BytesIO(json.dumps(ANN).encode()))
        monkeypatch.setattr("sys.stdin", content)
        assert "standard input: 1" in run("import_accounts", "-")
        assert Account.objects.count() == 1

    def test_without_a_file_it_takes_what_is_configured(self, settings):
        settings.KIRO_AUTH_TOKEN = json.dumps([ANN, BOB])
        assert run("import_accounts").splitlines()[-1] == "2 added, 0 known"
        assert run("import_accounts").splitlines() == ["0 added, 2 known"]

    def test_faults_of_what_is_configured_fail_it_too(self, settings):
        settings.KIRO_AUTH_TOKEN = json.dumps([ANN, {}])
        _out, why = failing("import_accounts")
        assert why == "KIRO_AUTH_TOKEN: entry 2: refreshToken is missing"
        assert Account.objects.count() == 1

    def test_a_dry_run_of_what_is_configured_is_not_to_be_had(self):
        assert "needs a file" in failing("import_accounts", "--dry-run")[1]

    def test_a_file_that_is_not_there_is_named(self, tmp_path):
        missing = str(tmp_path / "missing.json")
        why = failing("import_accounts", missing)[1]
        assert why == f"{missing} cannot be read: No such file or directory"

    def test_a_file_that_is_too_large_is_not_read_on(self, tmp_path):
        large = tmp_path / "large.json"
        large.write_bytes(b" " * (10 * 2**20 + 1))
        assert "larger than 10 MiB" in failing("import_accounts", str(large))[1]

    def test_more_entries_than_one_import_takes_fail_it(self, file):
        why = failing("import_accounts", file([{}] * 2000))[1]
        assert "more than 1,000 entries" in why


@pytest.mark.django_db
class TestBackup:
    def test_what_was_exported_is_restored(self, tmp_path):
        add_account("ann")
        path = str(tmp_path / "saved.backup")
        assert run("export_accounts", path) == f"1 accounts are in {path}.\n"
        Account.objects.all().delete()
        assert "1 new" in run("restore_accounts", path, "--dry-run")
        assert Account.objects.count() == 0
        assert run("restore_accounts", path).endswith("1 account added.\n")
        assert Account.objects.with_secrets().get().refresh_token == "aor-ann"

    def test_replace_brings_back_what_was_changed(self, tmp_path):
        add_account("ann", max_concurrent=1)
        path = str(tmp_path / "saved.backup")
        run("export_accounts", path)
        Account.objects.update(max_concurrent=2)
        assert run("restore_accounts", path).endswith("There is nothing to import.\n")
        run("restore_accounts", path, "--replace")
        assert Account.objects.get().max_concurrent == 1

    def test_the_file_is_for_its_owner_alone_and_nothing_else_is_left(self, tmp_path):
        path = tmp_path / "saved.backup"
        path.write_text("an older one")
        path.chmod(0o644)
        run("export_accounts", str(path))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(tmp_path.iterdir()) == [path]

    def test_it_can_be_written_to_the_standard_output(self, monkeypatch):
        add_account("ann")
        content = io.TextIOWrapper(io.BytesIO(run("export_accounts", "-").encode()))
        Account.objects.all().delete()
        monkeypatch.setattr("sys.stdin", content)
        run("restore_accounts", "-")
        assert Account.objects.get().name == "ann"

    def test_a_place_that_cannot_be_written_is_named(self, tmp_path):
        path = str(tmp_path / "missing" / "saved.backup")
        assert "cannot be written: No such file" in failing("export_accounts", path)[1]

    def test_secrets_that_no_key_opens_prevent_it(self, settings, tmp_path):
        add_account("ann")
        settings.SECRET_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
        why = failing("export_accounts", str(tmp_path / "saved.backup"))[1]
        assert why == "No encryption key opens the secrets of: ann."
        assert list(tmp_path.iterdir()) == []

    def test_a_backup_under_other_keys_is_refused_in_words(self, settings, tmp_path):
        path = str(tmp_path / "saved.backup")
        run("export_accounts", path)
        settings.SECRET_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
        out, why = failing("restore_accounts", path)
        assert "none of the SECRET_ENCRYPTION_KEYS opens this backup" in out
        assert why == "1 of 1 entries cannot be used."

    def test_other_files_are_not_restored(self, file):
        why = failing("restore_accounts", file(ANN))[1]
        assert "is not a backup; import_accounts reads others" in why


@pytest.mark.django_db
class TestAccounts:
    def test_the_list_says_how_each_stands(self):
        add_account("ann", available=12.5, credits_limit=50)
        add_account("bob", kind="idc", blocked_reason=Account.Block.REJECTED)
        ann, bob = answer("accounts", "list")
        assert (ann["status"], ann["credits_left"], ann["reason"]) == (
            "ready",
            12.5,
            "",
        )
        assert (bob["kind"], bob["status"], bob["reason"]) == (
            "idc",
            "rejected",
            "rejected",
        )
        assert [entry["name"] for entry in answer("accounts", "list", "bob")] == ["bob"]

    def test_the_table_has_a_row_for_each(self):
        assert run("accounts", "list") == "There are no accounts yet.\n"
        add_account("ann")
        head, row = run("accounts", "list").splitlines()
        assert head.split()[:4] == ["id", "name", "kind", "status"]
        assert row.split()[1:4] == ["ann", "social", "ready"]

    def test_no_secret_is_written(self):
        add_account("ann", client_secret="secret-of-ann", api_key="ksk_ann")
        shown = run("accounts", "list") + run("accounts", "list", "--json")
        for secret in ("aor-ann", "aoa-ann", "secret-of-ann", "ksk_ann"):
            assert secret not in shown

    def test_accounts_are_disabled_and_enabled_by_name(
        self, django_capture_on_commit_callbacks
    ):
        add_account("ann")
        add_account("bob")
        heard = []

        def listen(sender, **kwargs):
            heard.append(sender)

        pool_changed.connect(listen)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                told = answer("accounts", "disable", "bob")
        finally:
            pool_changed.disconnect(listen)
        assert told == [{"asked": 1, "disabled": 1}]
        assert heard == [None]
        assert list(Account.objects.values_list("enabled", flat=True)) == [True, False]
        assert answer("accounts", "enable", "--all") == [{"asked": 2, "enabled": 1}]

    def test_a_block_is_lifted(self):
        add_account("ann", blocked_reason=Account.Block.SUSPENDED)
        assert answer("accounts", "unblock", "ann") == [{"asked": 1, "unblocked": 1}]
        assert not Account.objects.get().blocked

    def test_an_id_will_do_where_no_account_has_that_name(self):
        ann, bob = add_account("ann"), add_account("bob")
        assert answer("accounts", "list", str(bob.pk))[0]["name"] == "bob"
        Account.objects.filter(pk=bob.pk).update(name=str(ann.pk))
        assert answer("accounts", "list", str(ann.pk))[0]["id"] == bob.pk

    @pytest.mark.parametrize(
        ("command", "said"),
        [
            (("unblock",), "Which accounts"),
            (("unblock", "ann", "--all"), "Which accounts"),
            (("list", "nobody"), "There is no account nobody."),
            (("list", "9" * 30), "There is no account 9"),
            (("list", "twin"), "Several accounts are called twin: give the id."),
        ],
    )
    def test_it_must_be_clear_which_are_meant(self, command, said):
        for name in ("ann", "twin", "twin"):
            add_account(name)
        assert said in failing("accounts", *command)[1]


@pytest.mark.django_db(transaction=True)
class TestAsking:
    @pytest.mark.parametrize(
        ("action", "told"),
        [
            ("test", "ready: 812 of 1,000 credits left, "),
            ("refresh", "token renewed"),
            ("usage", "ready: 812 of 1,000 credits left"),
            ("models", "auto"),
        ],
    )
    def test_it_asks_the_service_as_the_buttons_do(self, know_account, action, told):
        know_account("ann", credits_limit=1000, credits_used=188)
        [done] = answer("accounts", action, "ann")
        assert (done["name"], done["result"]) == ("ann", "ok")
        assert told in done["told"].lower()

    def test_one_that_fails_fails_the_command(self, know_account):
        know_account("ann")
        add_account("bob", refresh_token="dead", access_token="", refreshed_at=None)
        out, why = failing("accounts", "test", "--all", "--json")
        assert [done["result"] for done in json.loads(out)] == ["ok", "failed"]
        assert why == "1 of 2 failed."


def test_columns_stand_below_one_another_whatever_they_hold():
    rows = [("小明", 1), ("a\x1b[31m\nb", None)]
    assert table(("name", "n"), rows).splitlines() == [
        "name      n",
        "小明      1",
        "a?[31m?b",
    ]
