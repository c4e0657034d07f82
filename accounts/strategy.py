"""Which strategy a person has chosen: read now and then, so that it can be changed
while every process runs."""

from __future__ import annotations

import time
from typing import NamedTuple

from accounts.models import PoolSettings

Strategy = PoolSettings.Strategy

REMEMBERED_SECONDS = 2.0


class _Known(NamedTuple):
    strategy: Strategy
    until: float


_known = _Known(Strategy.SEQUENTIAL, until=0.0)


def current() -> Strategy:
    """At most two seconds old."""
    global _known
    if time.monotonic() >= _known.until:
        chosen = PoolSettings.objects.values_list("strategy", flat=True).first()
        strategy = Strategy(chosen) if chosen else Strategy.SEQUENTIAL
        _known = _Known(strategy, time.monotonic() + REMEMBERED_SECONDS)
    return _known.strategy


def forget() -> None:
    """In this process; the others come to know within two seconds."""
    global _known
    _known = _known._replace(until=0.0)
