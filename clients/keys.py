"""The key check: who is calling?

Answers are remembered for a few seconds, so that a stream of requests costs no
query each; a key that is taken away, switched off or expired stops working within
that time in every process. Without the database nobody is let in whose key is not
remembered.
"""

from __future__ import annotations

import hmac
import logging
import time
from dataclasses import dataclass

from django.conf import settings
from django.db import Error as DatabaseError
from django.db.models import Q
from django.utils import timezone

from clients.models import ApiKey, digest
from kiro2api.database import in_database

logger = logging.getLogger(__name__)

REMEMBER_SECONDS = 3.0
# Wrong keys are remembered too; whoever tries many must not fill the memory.
REMEMBER_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Client:
    """Whoever calls us. `key_id` is None for the shared KIRO_CLIENT_TOKEN."""

    name: str
    key_id: int | None = None
    account_group: str = ""
    """Of accounts that serve it; empty: those in no group."""
    allowed_models: frozenset[str] = frozenset()
    """By any of their names, in lower case; empty: all."""
    is_limited: bool = False
    """It has quotas, or may ask only so often: the ledger knows."""
    owner_id: int | None = None
    owner_name: str = ""


class KeysUnavailable(Exception):
    """The database that knows the keys cannot be reached."""


SHARED = Client("shared")

_remembered: dict[str, tuple[Client | None, float]] = {}


async def identify(key: str) -> Client | None:
    """The client whose key this is; None for a key we do not know or that is off."""
    shared = settings.KIRO_CLIENT_TOKEN
    if shared and hmac.compare_digest(key.encode(), shared.encode()):
        return SHARED
    hashed = digest(key)
    now = time.monotonic()
    known = _remembered.get(hashed)
    if known and now < known[1]:
        return known[0]
    try:
        client = await in_database(_find)(hashed)
    except DatabaseError as error:
        logger.error("cannot check a client key: %s", type(error).__name__)
        raise KeysUnavailable from error
    if len(_remembered) >= REMEMBER_MOST:
        _remembered.clear()
    _remembered[hashed] = (client, now + REMEMBER_SECONDS)
    return client


def _find(hashed: str) -> Client | None:
    now = timezone.now()
    before = Q(previous_digest=hashed, previous_until__gt=now)
    row = (
        ApiKey.objects.select_related("owner")
        .filter(Q(digest=hashed) | before, enabled=True)
        .exclude(expires_at__lte=now)
        .exclude(owner__is_active=False)
        .first()
    )
    return _client(row) if row else None


def _client(row: ApiKey) -> Client:
    return Client(
        row.name,
        row.pk,
        row.account_group,
        frozenset(str(name).lower() for name in row.allowed_models),
        row.is_limited,
        row.owner_id,
        row.owner.get_username() if row.owner else "",
    )


def forget() -> None:
    """Drop what this process remembers, after a key was changed in it."""
    _remembered.clear()
