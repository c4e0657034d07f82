"""Whether a key may begin one more request: decided, and reserved, in one short
transaction that holds the key's row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from clients import costs, periods, tallies
from clients.models import ApiKey, KeyUse, Reservation
from clients.quotas import Amount, Quota, refusing

Limit = ApiKey.Limit
Period = KeyUse.Period

RESERVED = timedelta(minutes=10)
"""No client waits longer for a whole answer."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is known of a request's cost before it began."""

    model_id: str
    input_tokens: int
    output_most: int
    spent_tokens: int = 0
    spent_credits: float = 0.0
    """What the same request has cost already, in an earlier reply."""


class LimitReached(Exception):
    """`until` is when the limit begins anew; None: others of the key's requests
    stand in the way, and it may be tried again soon."""

    def __init__(self, limit: ApiKey.Limit, until: datetime | None = None) -> None:
        super().__init__(limit)
        self.limit = limit
        self.until = until


class KeyGone(Exception):
    """It was taken away, or switched off, a moment ago."""


Verdict: TypeAlias = int | LimitReached
"""A reservation's number, or what stands in its way for now."""


def admit(key_id: int, estimate: Estimate, held: int | None) -> Verdict:
    """`held` is the reservation of a request that was admitted before. Raises
    LimitReached where waiting is of no use, and KeyGone."""
    now = timezone.now()
    likely, most = _costs(estimate)
    with transaction.atomic():
        key = tallies.locked(key_id)
        if key is None or not key.enabled:
            raise KeyGone
        living = Reservation.objects.filter(key=key, until__gt=now)
        if held is not None:
            living = living.exclude(pk=held)
        others = living.aggregate(
            requests=Count("pk"), tokens=Sum("tokens"), credits=Sum("credits")
        )
        reserved = Amount(
            others["tokens"] or 0, others["credits"] or Decimal(0), others["requests"]
        )
        used = tallies.uses([key_id], now)
        quotas = list(_quotas(key, used, reserved, likely, most, now))
        if quota := refusing(quotas):
            raise LimitReached(Limit(quota.name), quota.resets_at)
        minute = used[key_id, Period.MINUTE].requests
        if held is None and _is_reached(key.requests_per_minute, minute):
            raise LimitReached(Limit.REQUESTS_PER_MINUTE, periods.next_minute(now))
        if held is None and _is_reached(key.max_concurrent, reserved.requests):
            return LimitReached(Limit.MAX_CONCURRENT)
        for quota in quotas:
            if quota.verdict(reserved.requests) == "wait":
                return LimitReached(Limit(quota.name))
        if held is None and key.requests_per_minute is not None:
            tallies.add(key_id, Period.MINUTE, now, Amount(requests=1))
        return _reserve(key, most, now, held)


def _costs(estimate: Estimate) -> tuple[Amount, Amount]:
    """What it is likely to cost, and what at most."""
    rate = costs.stored_rate(estimate.model_id)
    likely = min(round(rate.output), estimate.output_most)
    return (
        _amount(estimate, rate, likely),
        _amount(estimate, rate, max(likely, estimate.output_most)),
    )


def _amount(estimate: Estimate, rate: costs.Rate, output_tokens: int) -> Amount:
    credits = rate.credits(estimate.input_tokens, output_tokens)
    return Amount(
        estimate.spent_tokens + estimate.input_tokens + output_tokens,
        costs.exact(estimate.spent_credits + credits),
    )


def _quotas(
    key: ApiKey,
    used: Mapping[tuple[int, KeyUse.Period], Amount],
    reserved: Amount,
    likely: Amount,
    most: Amount,
    now: datetime,
) -> Iterator[Quota]:
    day, month = used[key.pk, Period.DAY], used[key.pk, Period.MONTH]
    tomorrow, next_month = periods.next_day(now), periods.next_month(now)
    credits = (reserved.credits, likely.credits, most.credits)
    tokens = (reserved.tokens, likely.tokens, most.tokens)
    of_credits = (
        (Limit.CREDITS_PER_DAY, key.credits_per_day, tomorrow, day.credits),
        (Limit.CREDITS_PER_MONTH, key.credits_per_month, next_month, month.credits),
    )
    of_tokens = (
        (Limit.TOKENS_PER_DAY, key.tokens_per_day, tomorrow, day.tokens),
        (Limit.TOKENS_PER_MONTH, key.tokens_per_month, next_month, month.tokens),
    )
    for name, most_credits, resets_at, used_credits in of_credits:
        if most_credits is not None:
            yield Quota(name, most_credits, resets_at, used_credits, *credits)
    for name, most_tokens, resets_at, used_tokens in of_tokens:
        if most_tokens is not None:
            yield Quota(name, most_tokens, resets_at, used_tokens, *tokens)


def _is_reached(limit: int | None, count: int) -> bool:
    return limit is not None and count >= limit


def _reserve(key: ApiKey, most: Amount, now: datetime, held: int | None) -> int:
    until = now + RESERVED
    amounts = {"tokens": most.tokens, "credits": most.credits, "until": until}
    if held is not None and Reservation.objects.filter(pk=held).update(**amounts):
        return held
    Reservation.objects.filter(key=key, until__lte=now).delete()
    return Reservation.objects.create(key=key, **amounts).pk
