"""What each key has used in its days, months and minutes: kept under the key's row,
which whoever reads to decide, or writes, holds for that short transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import F, Q

from clients import periods
from clients.models import ApiKey, KeyUse, Reservation
from clients.quotas import NOTHING, Amount

Period = KeyUse.Period

STARTS = {
    Period.MINUTE: periods.minute_of,
    Period.DAY: periods.day_of,
    Period.MONTH: periods.month_of,
}
# When a key was last used is written this often at most.
SEEN_RARELY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one request of a key has cost, and the reservation that it made."""

    key_id: int
    at: datetime
    tokens: int
    credits: Decimal
    reservation: int | None = None


def locked(key_id: int) -> ApiKey | None:
    """The key's row, held until the transaction ends."""
    return ApiKey.objects.select_for_update(no_key=True).filter(pk=key_id).first()


def uses(
    key_ids: Collection[int], now: datetime
) -> defaultdict[tuple[int, Period], Amount]:
    """What keys have used in the minute, day and month that it is now."""
    current = Q()
    for period, start_of in STARTS.items():
        current |= Q(period=period, start=start_of(now))
    found: defaultdict[tuple[int, Period], Amount] = defaultdict(lambda: NOTHING)
    for row in KeyUse.objects.filter(current, key__in=key_ids):
        amount = Amount(row.tokens, row.credits, row.requests)
        found[row.key_id, Period(row.period)] = amount
    return found


def add(key_id: int, period: Period, moment: datetime, amount: Amount) -> None:
    """The key's row must be held."""
    start = STARTS[period](moment)
    changed = KeyUse.objects.filter(key_id=key_id, period=period, start=start).update(
        requests=F("requests") + amount.requests,
        tokens=F("tokens") + amount.tokens,
        credits=F("credits") + amount.credits,
    )
    if not changed:
        KeyUse.objects.create(
            key_id=key_id,
            period=period,
            start=start,
            requests=amount.requests,
            tokens=amount.tokens,
            credits=amount.credits,
        )


def settle(spent: Iterable[Spent]) -> None:
    """Count what requests have cost, and let go what they had reserved; within the
    transaction that writes their records. Keys deleted meanwhile count no more."""
    by_key: defaultdict[int, list[Spent]] = defaultdict(list)
    for one in spent:
        by_key[one.key_id].append(one)
    for key_id in sorted(by_key):  # in the same order everywhere: no deadlock
        if key := locked(key_id):
            _settle(key, by_key[key_id])


def _settle(key: ApiKey, spent: list[Spent]) -> None:
    sums: defaultdict[tuple[Period, datetime], Amount] = defaultdict(lambda: NOTHING)
    for one in spent:
        for period in (Period.DAY, Period.MONTH):
            start = STARTS[period](one.at)
            sums[period, start] += Amount(one.tokens, one.credits, 1)
    for (period, start), amount in sums.items():
        add(key.pk, period, start, amount)
    made = [one.reservation for one in spent if one.reservation is not None]
    if made:
        Reservation.objects.filter(pk__in=made).delete()
    last = max(one.at for one in spent)
    if key.last_used_at is None or last - key.last_used_at > SEEN_RARELY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=last)
