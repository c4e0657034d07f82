"""Sessions stay with the account they have met: upstream's cache of a conversation
belongs to an account.

Only where the strategy itself would scatter them. One read per request that names a
session; a write when it moves, and otherwise once a minute.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone

from accounts.models import SessionHome

KEPT = timedelta(hours=1)
WRITTEN_EVERY = timedelta(minutes=1)


class Home(NamedTuple):
    account_id: int
    used_at: datetime


def home_of(session: str) -> Home | None:
    known = SessionHome.objects.filter(
        session=session, used_at__gt=timezone.now() - KEPT
    )
    found = known.values_list("account_id", "used_at").first()
    return Home(*found) if found else None


def met_lately(home: Home) -> bool:
    """Whether the session was at home within the time a request may wait for room:
    if not, the account has been full for longer, or the session has rested."""
    patience = WRITTEN_EVERY + timedelta(seconds=settings.POOL_QUEUE_SECONDS)
    return home.used_at > timezone.now() - patience


def settle(session: str, account_id: int, before: Home | None) -> None:
    """The session's home is this account from now on."""
    now = timezone.now()
    at_home = before is not None and before.account_id == account_id
    if before and at_home and before.used_at > now - WRITTEN_EVERY:
        return
    SessionHome.objects.bulk_create(
        [SessionHome(session=session, account_id=account_id, used_at=now)],
        update_conflicts=True,
        unique_fields=["session"],
        update_fields=["account", "used_at"],
    )


def forget_old() -> int:
    """Sessions that have rested for too long; how many."""
    old = SessionHome.objects.filter(used_at__lte=timezone.now() - KEPT)
    return old.delete()[0]
