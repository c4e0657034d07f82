"""Pure: whether a key's quotas allow one more request.

A request is refused when what was used and what it is likely to cost are more than a
quota. While others are under way it waits if, with all of them at their dearest,
the quota might not do. A request that is alone goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

Verdict = Literal["go", "wait", "refuse"]


@dataclass(frozen=True, slots=True)
class Amount:
    tokens: int = 0
    credits: Decimal = Decimal(0)
    requests: int = 0

    def __add__(self, more: Amount) -> Amount:
        return Amount(
            self.tokens + more.tokens,
            self.credits + more.credits,
            self.requests + more.requests,
        )


NOTHING = Amount()


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit of a key and how it stands, in credits or in tokens."""

    name: str
    limit: Decimal | int
    resets_at: datetime
    used: Decimal | int
    reserved: Decimal | int
    """By others, under way."""
    likely: Decimal | int
    """Of the request that asks."""
    most: Decimal | int
    """The same at its dearest."""

    def verdict(self, others: int) -> Verdict:
        """`others` are under way."""
        if self.used + self.likely > self.limit:
            return "refuse"
        if others and self.used + self.reserved + self.most > self.limit:
            return "wait"
        return "go"


def refusing(quotas: Iterable[Quota]) -> Quota | None:
    """Of those that refuse, the one that resets last: until then nothing helps."""
    refused = [quota for quota in quotas if quota.verdict(0) == "refuse"]
    return max(refused, key=lambda quota: quota.resets_at, default=None)
