"""Why no account serves a need; the one that is back first decides."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from accounts.choice import Wish
from accounts.models import Account, AccountQuerySet
from accounts.outcomes import PoolExhausted, Shortage

# What a client is told to wait for where it cannot be known.
BUSY_FOR = timedelta(seconds=5)


def why_none(wish: Wish) -> PoolExhausted:
    now = timezone.now()
    need = wish.need
    in_group = Account.objects.filter(enabled=True).in_group(need.group)
    offering = in_group.offering(need.model)
    if not offering.exists():
        shortage: Shortage = "no_model" if in_group.exists() else "none"
        return PoolExhausted(shortage, model=need.model, group=need.group)
    readable = offering.exclude(pk__in=wish.unreadable)
    usable = readable.usable(now)
    if usable.exclude(pk__in=wish.passed_over).exists():  # but it has no room
        return PoolExhausted("busy", now + BUSY_FOR)
    if usable.exists():  # tried for this request already
        return PoolExhausted("cooling", now)
    return _back_first(readable, now) or PoolExhausted("rejected")


def _back_first(rows: AccountQuerySet, now: datetime) -> PoolExhausted | None:
    back: list[PoolExhausted] = []
    healing = rows.filter(blocked_until__gt=now).order_by("blocked_until")
    if (first := healing.first()) is not None:
        quota = first.blocked_reason == Account.Block.QUOTA
        shortage: Shortage = "quota" if quota else "cooling"
        back.append(PoolExhausted(shortage, first.blocked_until))
    at_floor = rows.at_floor(now).order_by(F("resets_at").asc(nulls_last=True))
    if (first := at_floor.first()) is not None:
        back.append(PoolExhausted("quota", first.resets_at))
    return min(back, key=_when, default=None)


def _when(shortage: PoolExhausted) -> tuple[bool, float]:
    until = shortage.until
    return until is None, until.timestamp() if until else 0.0
