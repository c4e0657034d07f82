"""Wrong set-ups of the accounts' secrets, said at start-up."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from accounts.models import Account
from accounts.rotation import unreadable_accounts

MOST_NAMED = 10


@register(Tags.security)
def secrets_are_set(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    """With SQLite a first start makes them; with Postgres nothing would keep them."""
    return [
        Error(
            f"{name} is not set.",
            hint="manage.py new_keys prints a pair to put into the environment.",
            id=f"accounts.E00{number}",
        )
        for number, name in enumerate(("SECRET_KEY", "SECRET_ENCRYPTION_KEYS"), 1)
        if not _is_set(name)
    ]


def _is_set(name: str) -> bool:
    try:
        return bool(getattr(settings, name))
    except ImproperlyConfigured:  # how Django reads an empty SECRET_KEY
        return False


@register(Tags.security)
def encryption_keys_are_keys(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    return [
        Error(
            f"SECRET_ENCRYPTION_KEYS: number {number} is not a Fernet key.",
            hint="32 bytes in URL-safe base64; manage.py new_keys makes one. "
            "Several are separated by commas, the newest first.",
            id="accounts.E003",
        )
        for number, key in enumerate(_keys(), 1)
        if not _is_key(key)
    ]


def _is_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


@register(Tags.database)
def secrets_are_readable(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None,
    **kwargs: object,
) -> list[CheckMessage]:
    """Names the accounts that no key opens. `check --database default` runs it,
    and `migrate` does: then there may be no table yet."""
    if "default" not in (databases or ()) or not _keys():
        return []
    if not all(map(_is_key, _keys())):
        return []  # said above
    if Account._meta.db_table not in connection.introspection.table_names():
        return []
    names = unreadable_accounts()
    if not names:
        return []
    named = ", ".join(names[:MOST_NAMED])
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return [
        Warning(
            f"SECRET_ENCRYPTION_KEYS opens no secret of these accounts: {named}{more}.",
            hint="Put the key they were written with at the end of the list; if it is "
            "lost: manage.py rotate_secrets --forget-unreadable, then sign in again.",
            id="accounts.W001",
        )
    ]


def _keys() -> list[str]:
    keys: list[str] = settings.SECRET_ENCRYPTION_KEYS
    return keys
