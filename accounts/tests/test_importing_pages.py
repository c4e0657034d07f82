"""The import page and the backup page, as a person uses them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from accounts import backup
from accounts.importing import upload
from accounts.importing.admin import FIRST_FAULTS, MOST_LINES
from accounts.importing.files import Source
from accounts.intake import import_text
from accounts.models import Account, Upload
from accounts.tests.conftest import add_account

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/accounts/account/"
START = f"{LIST}import/"
BACKUP = f"{LIST}backup/"
ANN = {"auth": "Social", "refreshToken": "aor-secret-1", "description": "ann"}
BOB = {
    "auth": "IdC",
    "refreshToken": "aor-secret-2",
    "clientId": "client-id",
    "clientSecret": "client-secret",
    "description": "bob",
    "region": "eu-west-1",
}


def log_in(client: Any, name: str, *permissions: str) -> Any:
    """Without a password, so that none is hashed for each test."""
    person = User.objects.create_user(name, is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(person)
    return client


@pytest.fixture
def owner(client):
    return log_in(
        client,
        "owner",
        "view_account",
        "add_account",
        "change_account",
        "export_account",
    )


def file(content: Any, name: str = "accounts.json") -> SimpleUploadedFile:
    if not isinstance(content, bytes):
        content = json.dumps(content).encode()
    return SimpleUploadedFile(name, content)


def dry_run(client: Any, *files: SimpleUploadedFile, **fields: Any) -> Any:
    response = client.post(START, {"uploaded": files, **fields}, follow=True)
    assert response.status_code == 200
    return response


def address(response: Any) -> str:
    return str(response.redirect_chain[-1][0])


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_files_are_shown_line_by_line_before_anything_is_written(owner):
    response = dry_run(owner, file([ANN, BOB, ANN, {}], "team.json"))
    page = text_of(response)
    for shown in (
        "2 new, 1 twice, 1 unusable",
        "ann",
        "bob",
        "eu-west-1",
        "team.json: 4",
    ):
        assert shown in page
    assert "the same as line 1" in page
    assert "refreshToken is missing" in page
    assert "Import 2 accounts" in page
    assert Account.objects.count() == 0


def test_the_second_step_imports_and_says_so(owner):
    response = owner.post(address(dry_run(owner, file([ANN, BOB]))), follow=True)
    assert messages_of(response) == ["2 accounts added."]
    assert [a.name for a in Account.objects.in_order()] == ["ann", "bob"]
    assert Upload.objects.count() == 0


def test_what_is_pasted_is_read_as_a_file_is(owner):
    response = dry_run(owner, text=json.dumps(ANN))
    assert "pasted: 1" in text_of(response)
    owner.post(address(response))
    assert Account.objects.get().name == "ann"


def test_a_token_file_and_its_registration_are_chosen_together(owner):
    token = {"refreshToken": "a", "authMethod": "IdC", "clientIdHash": "0a" * 20}
    client = {"clientId": "client", "clientSecret": "secret"}
    files = file(client, f"{'0a' * 20}.json"), file(token, "kiro-auth-token.json")
    owner.post(address(dry_run(owner, *files)))
    assert Account.objects.get().kind == "idc"


def test_the_history_has_a_line_for_every_account(owner):
    owner.post(address(dry_run(owner, file([ANN, BOB]))))
    entries = LogEntry.objects.order_by("pk")
    assert [(e.object_repr, e.action_flag) for e in entries] == [
        ("ann", ADDITION),
        ("bob", ADDITION),
    ]
    assert "secret" not in str(entries.values())


def test_accounts_are_tested_afterwards_if_wanted(owner, simulator):
    simulator.set_accounts(
        [{"name": "ann", "credits_limit": 1000, "credits_used": 188}]
    )
    known = ANN | {"refreshToken": simulator.account("ann")["refresh_token"]}
    page = address(dry_run(owner, file(known)))
    response = owner.post(page, {"test": "on"}, follow=True)
    told = messages_of(response)
    assert told[0] == "1 account added."
    assert told[1].startswith("ann: ready: 812 of 1,000 credits left, ")


def test_no_page_shows_a_secret(owner):
    first = dry_run(owner, file([ANN, BOB]), text=json.dumps([ANN, BOB]))
    wrong = dry_run(owner, text='[{"refreshToken": "aor-secret-3"')
    last = owner.post(address(dry_run(owner, file([ANN, BOB]))), follow=True)
    for response in (first, wrong, last):
        for secret in ("aor-secret", "client-id", "client-secret"):
            assert secret not in text_of(response)


def test_what_was_pasted_does_not_come_back_with_a_fault(owner):
    large = "aor-secret" + " " * (10 * 2**20)
    response = owner.post(START, {"text": large})
    assert "This is more than 10 MB." in text_of(response)
    assert "aor-secret" not in text_of(response)
    assert Upload.objects.count() == 0


def test_between_the_steps_the_upload_is_ciphertext(owner):
    dry_run(owner, file(ANN))
    with connection.cursor() as cursor:
        cursor.execute("SELECT content FROM accounts_upload")
        [(stored,)] = cursor.fetchall()
    assert stored.startswith("gAAAA")


def test_an_upload_is_used_once(owner):
    page = address(dry_run(owner, file(ANN)))
    owner.post(page, follow=True)
    Account.objects.all().delete()
    response = owner.post(page, follow=True)
    assert "The upload is gone" in messages_of(response)[0]
    assert Account.objects.count() == 0


def test_an_upload_is_gone_after_ten_minutes(owner):
    page = address(dry_run(owner, file(ANN)))
    made = Upload.objects.get().uploaded_at
    Upload.objects.update(uploaded_at=made - timedelta(minutes=10))
    for response in (owner.get(page, follow=True), owner.post(page, follow=True)):
        assert "The upload is gone" in messages_of(response)[0]
    assert Account.objects.count() == 0
    assert upload.forget_old() == 1
    assert Upload.objects.count() == 0


def test_the_worker_leaves_young_uploads_alone(owner):
    dry_run(owner, file(ANN))
    assert upload.forget_old() == 0
    assert Upload.objects.count() == 1


def test_an_upload_is_for_nobody_else(owner, client_of_another):
    page = address(dry_run(owner, file(ANN)))
    for response in (client_of_another.get(page), client_of_another.post(page)):
        assert response["Location"] == START
    client_of_another.post(page, {"cancel": ""})
    assert Account.objects.count() == 0
    owner.post(page)
    assert Account.objects.count() == 1


@pytest.fixture
def client_of_another(client):
    another = type(client)()
    return log_in(another, "another", "view_account", "add_account", "change_account")


def test_whoever_cancels_leaves_nothing_behind(owner):
    page = address(dry_run(owner, file(ANN)))
    owner.post(page, {"cancel": ""})
    assert (Upload.objects.count(), Account.objects.count()) == (0, 0)


def test_a_second_upload_takes_the_place_of_the_first(owner):
    first = address(dry_run(owner, file(ANN)))
    dry_run(owner, file(BOB))
    assert Upload.objects.count() == 1
    assert "The upload is gone" in messages_of(owner.post(first, follow=True))[0]


def test_what_came_in_meanwhile_is_seen_in_the_second_step(owner):
    page = address(dry_run(owner, file([ANN, BOB])))
    import_text(json.dumps(ANN))
    assert "known: ann stays as it is" in text_of(owner.get(page))
    owner.post(page)
    assert [a.name for a in Account.objects.in_order()] == ["ann", "bob"]


def test_a_backup_is_recognised_and_restored(owner):
    add_account("ann", max_concurrent=1)
    saved = file(backup.make()[0], "saved.backup")
    Account.objects.all().delete()
    page = address(dry_run(owner, saved))
    response = owner.post(page, follow=True)
    assert messages_of(response) == ["1 account added."]
    assert Account.objects.with_secrets().get().refresh_token == "aor-ann"


def test_a_backup_replaces_what_is_there_only_when_told_to(owner):
    add_account("ann", max_concurrent=1)
    content, _count = backup.make()
    Account.objects.update(max_concurrent=2)
    unchanged = dry_run(owner, file(content, "saved.backup"))
    assert "There is nothing to import." in text_of(unchanged)
    page = address(dry_run(owner, file(content, "saved.backup"), replace="on"))
    response = owner.post(page, follow=True)
    assert messages_of(response) == ["0 accounts added, 1 account replaced."]
    assert Account.objects.get().max_concurrent == 1


def test_a_backup_under_other_keys_is_refused_in_words(owner, settings):
    content, _count = backup.make()
    settings.SECRET_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    page = text_of(dry_run(owner, file(content, "saved.backup")))
    assert "none of the SECRET_ENCRYPTION_KEYS opens this backup" in page
    assert Upload.objects.count() == 0


@pytest.mark.parametrize(
    "garbage",
    [b"\x00\xff" * (5 * 2**20 - 1000), b"[{}," + b"{}," * 20_000 + b"{}]"],
)
def test_garbage_is_refused_with_its_first_faults_and_nothing_is_written(
    owner, garbage
):
    response = dry_run(owner, file(garbage, "garbage"))
    assert len(response.context["lines"]) in (1, FIRST_FAULTS)
    assert "Import 0" not in text_of(response)
    assert (Upload.objects.count(), Account.objects.count()) == (0, 0)


def test_a_long_list_is_shown_in_part(owner):
    entries = [ANN | {"refreshToken": f"aor-{n}"} for n in range(MOST_LINES + 7)]
    response = dry_run(owner, file(entries))
    assert len(response.context["lines"]) == MOST_LINES
    assert "and 7 lines more" in text_of(response)
    assert f"Import {MOST_LINES + 7} accounts" in text_of(response)


def test_files_together_larger_than_the_limit_are_refused(owner):
    halves = [file(b" " * (5 * 2**20 + 1), name) for name in ("a", "b")]
    assert "This is more than 10 MB." in text_of(dry_run(owner, *halves))


def test_an_empty_form_asks_for_something(owner):
    assert "Choose a file with something in it" in text_of(dry_run(owner, text=" "))


@pytest.mark.parametrize(
    ("permissions", "may_import", "may_export"),
    [
        (["view_account"], False, False),
        (["view_account", "add_account"], False, False),
        (["view_account", "add_account", "change_account"], True, False),
        (["view_account", "export_account"], False, True),
    ],
)
def test_pages_and_buttons_are_for_those_who_may(
    client, permissions, may_import, may_export
):
    log_in(client, "person", *permissions)
    shown = text_of(client.get(LIST))
    assert (START in shown, BACKUP in shown) == (may_import, may_export)
    kept = upload.keep(User.objects.get(), [Source("a", json.dumps(ANN).encode())])
    for page, may in ((START, may_import), (f"{START}{kept}/", may_import)):
        assert (client.get(page).status_code == 200) is may
    assert (client.post(f"{START}{kept}/").status_code == 302) is may_import
    assert Account.objects.count() == may_import
    assert (client.get(BACKUP).status_code == 200) is may_export
    assert (client.post(BACKUP).status_code == 200) is may_export


def test_who_is_not_logged_in_is_asked_to(client):
    for page in (START, BACKUP):
        assert client.get(page).status_code == 302
        assert client.post(page).status_code == 302


def test_the_backup_is_downloaded_and_written_down(owner):
    add_account("ann")
    assert "1 account" in text_of(owner.get(BACKUP))
    response = owner.post(BACKUP)
    assert response["Content-Disposition"].startswith('attachment; filename="kiro2api-')
    assert "no-store" in response["Cache-Control"]
    assert [record.name for record in backup.read(response.content)] == ["ann"]
    entry = LogEntry.objects.get()
    assert entry.change_message == "Backup of 1 account downloaded."
    assert entry.user.username == "owner"


def test_a_look_at_the_backup_page_takes_nothing_out(owner):
    owner.get(BACKUP)
    assert LogEntry.objects.count() == 0


def test_a_backup_that_cannot_be_made_says_why(owner, settings):
    add_account("ann")
    settings.SECRET_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    response = owner.post(BACKUP, follow=True)
    assert messages_of(response) == ["No encryption key opens the secrets of: ann."]
    assert LogEntry.objects.count() == 0
