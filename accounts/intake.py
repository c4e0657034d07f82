"""How accounts come in: new rows, each refresh token once, and new logins for
rows that exist."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import F

from accounts.blocking import NOT_BLOCKED
from accounts.importers import (
    LARGEST_FILE,
    Entry,
    Fault,
    NotJson,
    in_order_of_use,
    read_entries,
)
from accounts.models import Account, ImportedToken
from accounts.signals import announce

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Report:
    added: list[str] = field(default_factory=list)
    known: int = 0
    """Left alone, however they were changed since; or deleted by a person."""
    faults: list[Fault] = field(default_factory=list)


def import_configured() -> Report:
    """What KIRO_AUTH_TOKEN holds, as JSON or as the path of a file with it. Safe
    to run by several processes at once. Raises ImproperlyConfigured."""
    value: str = settings.KIRO_AUTH_TOKEN
    if not value:
        return Report()
    text = value if value.startswith(("[", "{")) else _read_file(value)
    try:
        return import_text(text)
    except NotJson as error:
        raise ImproperlyConfigured(f"KIRO_AUTH_TOKEN is not JSON: {error}") from None


def _read_file(path: str) -> str:
    # The value may be a secret gone astray: it is not quoted.
    file = Path(path).expanduser()
    try:
        if file.is_file():
            with file.open(encoding="utf-8") as opened:
                return opened.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(
            f"KIRO_AUTH_TOKEN names a file that cannot be read: {type(error).__name__}"
        ) from None
    raise ImproperlyConfigured(
        "KIRO_AUTH_TOKEN is neither JSON, beginning with [ or {, nor a file's path."
    )


def import_text(text: str, *, again: bool = False) -> Report:
    """Every usable entry, in order, behind the accounts there are. `again`: also
    what was imported once and deleted since. Raises NotJson."""
    found = read_entries(text)
    report = Report(faults=found.faults)
    for entry in in_order_of_use(found.entries):
        account = take_in(entry, again=again)
        if account is None:
            report.known += 1
        else:
            report.added.append(account.name)
    return report


def take_in(entry: Entry, *, again: bool) -> Account | None:
    """A new account at the end; None if its refresh token or API key has come in
    before."""
    account = Account(
        name=entry.name,
        enabled=entry.enabled,
        endpoint=entry.endpoint,
        proxy_url=entry.proxy_url,
        **login_fields(entry),
    )
    return account if save_new(account, again=again) else None


def login_fields(entry: Entry) -> dict[str, Any]:
    """The columns that belong to a login: they come and go together."""
    return {
        "kind": entry.kind,
        "refresh_token": entry.refresh_token,
        "client_id": entry.client_id,
        "client_secret": entry.client_secret,
        "registration_expires_at": entry.registration_expires_at,
        "api_key": entry.api_key,
        "token_endpoint": entry.token_endpoint,
        "scopes": entry.scopes,
        "start_url": entry.start_url,
        "region": entry.region,
        "profile_arn": entry.profile_arn,
    }


def save_new(account: Account, *, again: bool) -> bool:
    """Put a new account at the end; False if its refresh token or API key has come
    in before. `again`: but not if that account was deleted."""
    digest = digest_of(account.refresh_token or account.api_key)
    with transaction.atomic():
        known, first_time = ImportedToken.objects.get_or_create(digest=digest)
        if not first_time and (known.account_id is not None or not again):
            return False
        account.position = Account.objects.next_position()
        account.name = account.name or _numbered_name(account)
        account.save(force_insert=True)
        ImportedToken.objects.filter(digest=digest).update(account=account)
        announce()
    logger.info("account %s: added (%s)", account.name, account.kind)
    return True


def _numbered_name(account: Account) -> str:
    return f"{Account.Kinds(account.kind).label} {account.position + 1}"


def owner_of(secret: str) -> Account | None:
    """The account that came in with this refresh token or API key, if it is still
    there."""
    digest = digest_of(secret)
    return Account.objects.filter(imported_tokens__digest=digest).first()


def replace_login(account_id: int, changes: Mapping[str, Any]) -> None:
    """New credentials for a row: what belonged to the old ones goes, a refresh of
    them that is under way comes to nothing, and a block is lifted."""
    with transaction.atomic():
        Account.objects.filter(pk=account_id).update(
            **changes,
            **NOT_BLOCKED,
            access_token="",
            access_token_tail="",
            access_expires_at=None,
            token_version=F("token_version") + 1,
            refusals=0,
            offered_models={},
            models_read_at=None,
            models_asked_at=None,
            lease_until=None,
            lease_owner="",
            last_error="",
        )
        if secret := changes.get("refresh_token") or changes.get("api_key"):
            ImportedToken.objects.update_or_create(
                digest=digest_of(secret), defaults={"account_id": account_id}
            )
        announce()


def digest_of(secret: str) -> str:
    """Of a refresh token or an API key."""
    return sha256(secret.encode()).hexdigest()
