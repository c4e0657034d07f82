"""How an account is taken out of use, and until when.

One conditional UPDATE: a block that lasts longer stays, and one that waits for a
person stays until a person comes. Time heals by passing; nobody resets anything.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from django.db.models import Case, F, Q, Value, When
from django.db.models.expressions import Combinable
from django.utils import timezone as clock
from django.utils import translation

from accounts.models import Account, AccountQuerySet

logger = logging.getLogger(__name__)

NOT_BLOCKED: dict[str, Any] = {
    "blocked_reason": "",
    "blocked_since": None,
    "blocked_until": None,
}


def block(
    rows: AccountQuerySet,
    reason: Account.Block,
    until: datetime | Combinable | None,
    **changes: Any,
) -> bool:
    """Block the account among `rows`; None: until a person helps. False: it is not
    there (any more), or is blocked for longer already. `changes` go along."""
    gives_way = Q(blocked_until__isnull=False)
    if until is not None:
        gives_way = Q(blocked_until__lt=until)
    now = clock.now()
    told = {"last_error": reason_words(reason), "last_error_at": now} | changes
    blocked = rows.filter(Q(blocked_reason="") | gives_way).update(
        blocked_reason=reason, blocked_since=now, blocked_until=until, **told
    )
    return blocked > 0


def unblock(rows: AccountQuerySet) -> int:
    """By a person's hand, whatever the reason."""
    return rows.exclude(blocked_reason="").update(**NOT_BLOCKED, refusals=0)


def log_block(account: str, account_id: int) -> None:
    """One line per change of state. Read back, as the database may have chosen."""
    row = Account.objects.filter(pk=account_id).first()
    if row is not None and row.blocked_reason:
        until = row.blocked_until.isoformat() if row.blocked_until else "a person helps"
        reason = reason_words(Account.Block(row.blocked_reason))
        logger.warning("account %s: %s; blocked until %s", account, reason, until)


def reason_words(reason: Account.Block) -> str:
    """English, whatever language the page of the moment has."""
    with translation.override(None):
        return str(reason.label)


def quota_reset(told: datetime | None) -> datetime | Combinable:
    """When credits come back: as told, else as the row knows, else with the month."""
    now = clock.now()
    if told is not None and told > now:
        return told
    return Case(
        When(resets_at__gt=now, then=F("resets_at")), default=Value(next_month(now))
    )


def next_month(now: datetime) -> datetime:
    """The plans' month begins on the first, in UTC."""
    today = now.astimezone(UTC)
    later, month = divmod(today.month, 12)
    return datetime(today.year + later, month + 1, 1, tzinfo=UTC)
