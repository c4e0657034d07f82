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
    blocked = rows.exclude(blocked_reason="")
    names = list(blocked.values_list("name", flat=True))
    count = blocked.update(**NOT_BLOCKED, refusals=0)
    for name in names:
        logger.info("account %s: unblocked by a person", name)
    return count


def enable(rows: AccountQuerySet, enabled: bool = True) -> int:
    """By a person's hand; False: disable."""
    others = rows.filter(enabled=not enabled)
    names = list(others.values_list("name", flat=True))
    count = others.update(enabled=enabled)
    for name in names:
        word = "enabled" if enabled else "disabled"
        logger.info("account %s: %s by a person", name, word)
    return count


def heal(account: Account) -> None:
    """Time has healed it, and it is used again: said once, by whoever sees it first."""
    blocked = Account.objects.filter(
        pk=account.pk,
        blocked_reason=account.blocked_reason,
        blocked_until=account.blocked_until,
    )
    if blocked.update(**NOT_BLOCKED):
        reason = reason_words(Account.Block(account.blocked_reason))
        logger.info("account %s: in use again after: %s", account.name, reason)


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
