"""The backup: all accounts with their secrets, as one encrypted file, and the way back.

The file is a line that says what it is, and below it JSON under the newest of
SECRET_ENCRYPTION_KEYS: it is worth as much as the database, and no good without a key.
Counters and what the service tells by itself are not in it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.fernet import InvalidToken
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_noop

from accounts.models import Account, AccountGroup, ImportedToken
from accounts.rotation import unreadable_accounts
from accounts.signals import announce
from kiro2api.encryption import cipher

logger = logging.getLogger(__name__)

MARK = b"kiro2api-backup "
FORMAT = MARK + b"1"

# A row's own part, and what belongs to its login and comes and goes with it: a block
# is about the tokens that were refused.
SETTINGS = (
    "name",
    "position",
    "enabled",
    "endpoint",
    "proxy_url",
    "served_models",
    "max_concurrent",
    "requests_per_minute",
    "credit_floor",
)
LOGIN = (
    "kind",
    "refresh_token",
    "access_token",
    "access_token_tail",
    "access_expires_at",
    "refreshed_at",
    "client_id",
    "client_secret",
    "registration_expires_at",
    "api_key",
    "token_endpoint",
    "scopes",
    "start_url",
    "region",
    "profile_arn",
    "email",
    "plan",
    "blocked_reason",
    "blocked_since",
    "blocked_until",
    "refusals",
)


class NotMade(Exception):
    """No key opens the secrets of these accounts, and a backup without them is none."""

    def __init__(self, accounts: list[str]) -> None:
        super().__init__(
            f"no encryption key opens the secrets of: {', '.join(accounts)}"
        )
        self.accounts = accounts


class NotReadable(ValueError):
    """English, and the key of its translation."""


@dataclass(frozen=True, slots=True)
class Record:
    """One account as a backup has it."""

    fields: Mapping[str, Any] = field(repr=False)
    """By field: SETTINGS and LOGIN."""
    groups: tuple[str, ...]
    digests: frozenset[str] = field(repr=False)
    """Of all tokens that it has come in with."""

    @property
    def name(self) -> str:
        return str(self.fields["name"])

    @property
    def kind(self) -> str:
        return str(self.fields["kind"])

    @property
    def region(self) -> str:
        return str(self.fields["region"])

    @property
    def profile_arn(self) -> str:
        return str(self.fields["profile_arn"])

    @property
    def login(self) -> dict[str, Any]:
        return {name: self.fields[name] for name in LOGIN}

    @property
    def settings(self) -> dict[str, Any]:
        return {name: self.fields[name] for name in SETTINGS}


def make() -> tuple[bytes, int]:
    """The file, and how many accounts are in it. Raises NotMade."""
    if unreadable := unreadable_accounts():
        raise NotMade(unreadable)
    accounts = (
        Account.objects.with_secrets()
        .prefetch_related("groups", "imported_tokens")
        .in_order()
    )
    records = [_record_of(account) for account in accounts]
    text = json.dumps({"accounts": records}, default=datetime.isoformat)
    return FORMAT + b"\n" + cipher().encrypt(text.encode()) + b"\n", len(records)


def _record_of(account: Account) -> dict[str, Any]:
    return {
        "fields": {name: getattr(account, name) for name in (*SETTINGS, *LOGIN)},
        "groups": [group.name for group in account.groups.all()],
        "digests": [token.digest for token in account.imported_tokens.all()],
    }


def read(content: bytes) -> list[Record]:
    """Raises NotReadable."""
    mark, _, sealed = content.partition(b"\n")
    if mark.strip() != FORMAT:
        raise NotReadable(
            gettext_noop("this backup was made by another version of the program")
        )
    try:
        opened = cipher().decrypt(sealed.strip())
    except InvalidToken:
        raise NotReadable(
            gettext_noop(
                "none of the SECRET_ENCRYPTION_KEYS opens this backup: it was made "
                "with other keys, or is damaged"
            )
        ) from None
    return [_read_record(record) for record in json.loads(opened)["accounts"]]


def _read_record(record: Mapping[str, Any]) -> Record:
    columns = {column.name: column for column in Account._meta.concrete_fields}
    fields = {
        name: columns[name].to_python(record["fields"][name])
        for name in (*SETTINGS, *LOGIN)
    }
    return Record(fields, tuple(record["groups"]), frozenset(record["digests"]))


def login_is_older(record: Record, account: Account) -> bool:
    """The account has renewed its login since, and that one works: the file's is a
    refresh token that may be spent."""
    if account.blocked_reason == Account.Block.REJECTED or not account.refreshed_at:
        return False
    saved: datetime | None = record.fields["refreshed_at"]
    return saved is None or account.refreshed_at > saved


def add(record: Record) -> Account:
    """An account that is not there (any more), at its old position."""
    with transaction.atomic():
        account = Account(**record.fields)
        account.save(force_insert=True)
        _connect(account, record)
    logger.info("account %s: added from a backup (%s)", account.name, account.kind)
    return account


def replace(account: Account, record: Record) -> None:
    """The account as it was then; but a login that is newer stays, with its block."""
    changes = record.settings
    if not login_is_older(record, account):
        changes |= record.login | {
            "token_version": F("token_version") + 1,
            "lease_until": None,
            "lease_owner": "",
            "offered_models": {},
            "models_read_at": None,
            "models_asked_at": None,
            "usage_asked_at": None,
        }
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(**changes)
        _connect(account, record)
    logger.info("account %s: brought back from a backup", record.name)


def _connect(account: Account, record: Record) -> None:
    account.groups.set(
        AccountGroup.objects.get_or_create(name=name)[0] for name in record.groups
    )
    for digest in record.digests:
        ImportedToken.objects.update_or_create(
            digest=digest, defaults={"account": account}
        )
    announce()
