"""What everybody has used today: the line above the accounts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from clients.reports import sums


@dataclass(frozen=True, slots=True)
class Today:
    requests: int = 0
    tokens: int = 0
    credits: Decimal = Decimal(0)
    errors: int = 0


def today() -> Today:
    """Of the server's day. One query."""
    now = timezone.now()
    midnight = timezone.localtime(now, timezone.get_default_timezone()).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    for used in sums(midnight, now):
        return Today(used.requests, used.tokens, used.credits, used.errors)
    return Today()
