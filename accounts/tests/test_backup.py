"""The backup: what is in it, and what comes back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from accounts import backup
from accounts.importing import words
from accounts.importing.files import Source
from accounts.importing.plan import Plan, carry_out, make_plan
from accounts.intake import import_text
from accounts.models import SECRETS, Account, AccountGroup, ImportedToken
from accounts.tests.conftest import add_account
from kiro2api.encryption import cipher

pytestmark = pytest.mark.django_db

Block = Account.Block

# Counted or told by the service, or belonging to this one database.
LEFT_OUT = {
    "id",
    "token_version",
    "credits_limit",
    "credits_used",
    "available",
    "credit_sources",
    "resets_at",
    "usage_read_at",
    "usage_asked_at",
    "offered_models",
    "models_read_at",
    "models_asked_at",
    "requests",
    "failures",
    "credits_spent",
    "chosen_at",
    "share",
    "last_used_at",
    "last_error",
    "last_error_at",
    "lease_until",
    "lease_owner",
    "created_at",
}


def restore(content: bytes, **options: Any) -> Plan:
    plan = make_plan([Source("saved.backup", content)], **options)
    carry_out(plan)
    return plan


def told(content: bytes, **options: Any) -> list[str]:
    plan = make_plan([Source("saved.backup", content)], **options)
    return [words.row(line).told for line in plan.lines]


def saved_state(name: str) -> dict[str, Any]:
    account = Account.objects.with_secrets().get(name=name)
    fields = {f: getattr(account, f) for f in (*backup.SETTINGS, *backup.LOGIN)}
    return fields | {"groups": sorted(g.name for g in account.groups.all())}


def full_account() -> Account:
    now = timezone.now()
    account = add_account(
        "full",
        kind="idc",
        client_id="client",
        client_secret="secret",
        registration_expires_at=now + timedelta(days=30),
        start_url="https://example.awsapps.com/start",
        scopes="a b",
        proxy_url="socks5://user:password@127.0.0.1:1080",
        served_models={"CLAUDE": 1},
        max_concurrent=3,
        requests_per_minute=20,
        credit_floor=12.5,
        enabled=False,
        blocked_reason=Block.QUOTA,
        blocked_since=now,
        blocked_until=now + timedelta(days=3),
        email="full@example.com",
        region="eu-west-1",
        endpoint="runtime",
    )
    account.groups.add(AccountGroup.objects.create(name="team"))
    return account


def test_every_column_is_in_the_backup_or_left_out_on_purpose():
    columns = {field.name for field in Account._meta.concrete_fields}
    assert {*backup.SETTINGS, *backup.LOGIN, *LEFT_OUT} == columns
    assert {*backup.SETTINGS, *backup.LOGIN} >= set(SECRETS)


def test_all_of_an_account_comes_back_into_an_empty_database():
    full_account()
    add_account("key", kind="api_key", api_key="ksk_1", refresh_token="")
    before = [saved_state(name) for name in ("full", "key")]
    content, count = backup.make()
    Account.objects.all().delete()
    AccountGroup.objects.all().delete()
    assert words.counts(restore(content)) == "2 new"
    assert count == 2
    assert [saved_state(name) for name in ("full", "key")] == before


def test_what_came_in_once_is_known_after_a_restore_into_another_database():
    import_text(json.dumps({"refreshToken": "aor-1", "description": "ann"}))
    Account.objects.with_secrets().get()
    Account.objects.update(refresh_token="aor-rotated")
    content, _count = backup.make()
    Account.objects.all().delete()
    ImportedToken.objects.all().delete()
    restore(content)
    assert import_text(json.dumps({"refreshToken": "aor-1"})).known == 1


def test_without_being_told_to_a_restore_changes_nothing_that_is_there():
    add_account("ann")
    content, _count = backup.make()
    Account.objects.update(max_concurrent=7, refresh_token="newer")
    assert told(content) == ["known: ann stays as it is"]
    restore(content)
    account = Account.objects.with_secrets().get()
    assert (account.max_concurrent, account.refresh_token) == (7, "newer")


def test_told_to_replace_it_brings_an_account_back_as_it_was():
    account = full_account()
    before = saved_state("full")
    content, _count = backup.make()
    account.groups.clear()
    Account.objects.update(
        max_concurrent=9,
        enabled=True,
        client_id="other",
        blocked_reason="",
        blocked_until=None,
        lease_owner="me",
        requests=5,
    )
    assert told(content, replace=True) == ["known: full as in the backup"]
    restore(content, replace=True)
    assert saved_state("full") == before
    row = Account.objects.get()
    assert (row.pk, row.requests, row.lease_owner) == (account.pk, 5, "")
    assert row.token_version == account.token_version + 1


def test_a_login_that_was_renewed_since_stays_with_its_block():
    add_account("ann", max_concurrent=1)
    content, _count = backup.make()
    Account.objects.update(
        refresh_token="newer",
        refreshed_at=timezone.now(),
        max_concurrent=2,
        blocked_reason=Block.SUSPENDED,
    )
    assert told(content, replace=True) == [
        "known: ann as in the backup, but it keeps its newer login"
    ]
    restore(content, replace=True)
    account = Account.objects.with_secrets().get()
    assert (account.refresh_token, account.max_concurrent) == ("newer", 1)
    assert account.blocked_reason == Block.SUSPENDED


def test_a_dead_login_is_replaced_however_new_it_is():
    add_account("ann")
    content, _count = backup.make()
    Account.objects.update(
        refresh_token="dead",
        refreshed_at=timezone.now(),
        blocked_reason=Block.REJECTED,
    )
    restore(content, replace=True)
    account = Account.objects.with_secrets().get()
    assert account.refresh_token == "aor-ann"
    assert not account.blocked


def test_accounts_of_one_name_are_told_apart_by_their_tokens():
    for token in ("aor-1", "aor-2"):
        import_text(json.dumps({"refreshToken": token, "description": "twin"}))
    content, _count = backup.make()
    Account.objects.in_order()[0].delete()
    plan = restore(content)
    assert [str(line.fate) for line in plan.lines] == ["new", "known"]
    tokens = Account.objects.with_secrets().values_list("refresh_token", flat=True)
    assert sorted(tokens) == ["aor-1", "aor-2"]


def test_an_account_that_was_signed_in_anew_is_known_by_name_and_kind():
    add_account("ann")
    content, _count = backup.make()
    Account.objects.all().delete()
    add_account("ann", kind="idc", refresh_token="other")
    assert told(content) == ["new"]
    Account.objects.update(kind="social")
    assert told(content) == ["known: ann stays as it is"]


def test_the_order_is_the_backups():
    for name in ("ann", "bob", "cid"):
        add_account(name)
    content, _count = backup.make()
    Account.objects.filter(name="bob").delete()
    restore(content)
    assert [a.name for a in Account.objects.in_order()] == ["ann", "bob", "cid"]


def test_no_secret_can_be_read_off_the_file():
    full_account()
    content, _count = backup.make()
    mark, sealed, rest = content.split(b"\n")
    assert (mark, rest) == (b"kiro2api-backup 1", b"")
    for secret in (b"aor-full", b"aoa-full", b"password", b"full@example.com"):
        assert secret not in content
        assert secret in cipher().decrypt(sealed)


def test_the_newest_key_seals_it_and_any_of_the_keys_opens_it(settings):
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    settings.SECRET_ENCRYPTION_KEYS = [old]
    add_account("ann")
    content, _count = backup.make()
    settings.SECRET_ENCRYPTION_KEYS = [new, old]
    Fernet(old).decrypt(content.split(b"\n")[1])
    assert [record.name for record in backup.read(content)] == ["ann"]
    content, _count = backup.make()
    Fernet(new).decrypt(content.split(b"\n")[1])


def test_other_keys_are_named_as_the_reason(settings):
    content, _count = backup.make()
    settings.SECRET_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(backup.NotReadable, match="none of the SECRET_ENCRYPTION_KEYS"):
        backup.read(content)


def test_no_backup_is_made_without_the_secrets_of_an_account(settings):
    add_account("ann")
    settings.SECRET_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    add_account("bob")
    with pytest.raises(backup.NotMade, match="opens the secrets of: ann$"):
        backup.make()


def test_moments_come_back_to_the_microsecond():
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    add_account("ann", refreshed_at=moment)
    content, _count = backup.make()
    [record] = backup.read(content)
    assert record.fields["refreshed_at"] == moment
    assert "aor-ann" not in repr(record)
