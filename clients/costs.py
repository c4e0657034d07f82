"""What replies cost in credits, learned model by model from what upstream meters.

A token of output is taken to cost as much as five of input, as with the vendors'
own prices; what one of input costs is learned. Many processes learn at once, each by
one UPDATE for some replies, and one odd reply does no harm.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean, median_low
from weakref import WeakKeyDictionary

from django.db import Error as DatabaseError
from django.db.models import Case, F, FloatField, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest, Least

from clients.models import ModelCost
from kiro2api.database import in_database

logger = logging.getLogger(__name__)

OUTPUT_WEIGHT = 5
STEP = 0.1
MOST_APART = 4.0
"""A reply's figures count as so many times the known ones at most."""
REMEMBER_SECONDS = 60.0
EXACT = Decimal("1e-10")


CREDITS_MOST = 1e9
"""Of one request: more than any plan has."""


def exact(credits: float) -> Decimal:
    """As the database keeps it."""
    return Decimal(min(max(credits, 0.0), CREDITS_MOST)).quantize(EXACT)


@dataclass(frozen=True, slots=True)
class Rate:
    per_token: float
    """Credits for one token of input."""
    output: float
    """Tokens of the usual reply."""

    def credits(self, input_tokens: int, output_tokens: float) -> float:
        return self.per_token * _weight(input_tokens, output_tokens)


# Rather too much than too little, before anything was learned.
UNKNOWN = Rate(per_token=2e-5, output=1000.0)


def _weight(input_tokens: int, output_tokens: float) -> float:
    return input_tokens + OUTPUT_WEIGHT * output_tokens


@dataclass(slots=True)
class _Known:
    rates: Mapping[str, Rate]
    until: float


_known: WeakKeyDictionary[asyncio.AbstractEventLoop, _Known] = WeakKeyDictionary()


async def rate_of(model_id: str) -> Rate:
    """At most a minute old; without the database, as last known."""
    loop = asyncio.get_running_loop()
    known = _known.get(loop)
    if known is None or time.monotonic() > known.until:
        rates = known.rates if known else {}
        try:
            rates = await in_database(_load)()
        except DatabaseError as error:
            logger.error("the costs cannot be read: %s", type(error).__name__)
        known = _known[loop] = _Known(rates, time.monotonic() + REMEMBER_SECONDS)
    return known.rates.get(model_id, UNKNOWN)


def rate_told(input_tokens: int, output_tokens: int, credits: float) -> Rate:
    """By a whole reply; `input_tokens` as we estimated them, as the next estimate
    will."""
    rate = credits / max(_weight(input_tokens, output_tokens), 1)
    return Rate(rate, max(output_tokens, 1))


async def learn(model_id: str, *told: Rate) -> None:
    """What each of some replies told. Lost while the database is away."""
    try:
        await in_database(_learn)(model_id, told)
    except DatabaseError as error:
        logger.error("a cost cannot be written: %s", type(error).__name__)


def stored_rate(model_id: str) -> Rate:
    """As it is now. From within the database's threads."""
    row = ModelCost.objects.filter(model_id=model_id, samples__gt=0).first()
    return Rate(row.rate, row.output) if row else UNKNOWN


def _load() -> dict[str, Rate]:
    rows = ModelCost.objects.filter(samples__gt=0)
    return {row.model_id: Rate(row.rate, row.output) for row in rows}


def _learn(model_id: str, told: Sequence[Rate]) -> None:
    row = ModelCost.objects.filter(model_id=model_id)
    steps = len(told)
    step = {
        "rate": _moved("rate", _usual([rate.per_token for rate in told]), steps),
        "output": _moved("output", _usual([rate.output for rate in told]), steps),
        "samples": F("samples") + steps,
    }
    if not row.update(**step):
        # Another process may make it at the same moment.
        new = ModelCost(model_id=model_id, rate=0.0, output=0.0)
        ModelCost.objects.bulk_create([new], ignore_conflicts=True)
        row.update(**step)


def _usual(told: list[float]) -> float:
    """The mean; an odd one among many counts no more than an odd one alone."""
    middle = median_low(told)
    return fmean(
        min(max(value, middle / MOST_APART), middle * MOST_APART) for value in told
    )


def _moved(column: str, told: float, steps: int) -> Combinable:
    """So many steps towards what was told; the first replies are taken at their
    word."""
    value, known = Value(told, FloatField()), F(column)
    stays = (1 - STEP) ** steps
    least = known * (1 - STEP + STEP / MOST_APART) ** steps
    most = known * (1 - STEP + STEP * MOST_APART) ** steps
    moved = Least(Greatest(known * stays + value * (1 - stays), least), most)
    return Case(When(samples=0, then=value), default=moved)
