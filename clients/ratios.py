"""How upstream's own token counts compare with our estimates, model by model.

Many processes learn at once, each by one UPDATE for some replies. A reply moves the
ratio a small part of the way to its own figure, which is taken within bounds: one
odd reply does no harm, and some fifty set a wrong ratio right.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from statistics import fmean

from django.db import Error as DatabaseError
from django.db.models import F

from clients.models import TokenRatio
from kiro2api.database import in_database

logger = logging.getLogger(__name__)

STEP = 0.05
LEAST, MOST = 0.5, 2.0


async def load() -> Mapping[str, float]:
    """By upstream's model id. While the database is away, nothing was learned."""
    try:
        return await in_database(_load)()
    except DatabaseError as error:
        logger.error("the token ratios cannot be read: %s", type(error).__name__)
        return {}


async def learn(model_id: str, *counted: float) -> None:
    """`counted` is what upstream counted for one token of our estimate, for each of
    some replies. Lost while the database is away."""
    within = [min(max(told, LEAST), MOST) for told in counted]
    try:
        await in_database(_learn)(model_id, fmean(within), len(within))
    except DatabaseError as error:
        logger.error("a token ratio cannot be written: %s", type(error).__name__)


def _load() -> dict[str, float]:
    return dict(TokenRatio.objects.values_list("model_id", "ratio"))


def _learn(model_id: str, counted: float, replies: int) -> None:
    row = TokenRatio.objects.filter(model_id=model_id)
    stays = (1 - STEP) ** replies
    step = {
        "ratio": F("ratio") * stays + (1 - stays) * counted,
        "samples": F("samples") + replies,
    }
    if not row.update(**step):
        # Another process may make it at the same moment.
        new = TokenRatio(model_id=model_id)
        TokenRatio.objects.bulk_create([new], ignore_conflicts=True)
        row.update(**step)
