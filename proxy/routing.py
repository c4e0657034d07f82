"""Which model a client's name means in this installation: what the catalog knows,
with what the accounts' own lists say."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache

from django.conf import settings

from accounts import pool
from accounts.modellist import ModelLimits, PoolModels
from proxy.catalog import MODELS, Model, by_upstream_id, resolve, unknown_model
from proxy.errors import ModelUnknown
from proxy.estimates import token_ratio


@dataclass(frozen=True, slots=True)
class Offer:
    """The models of this installation, in the order in which they are listed."""

    every: list[Model]
    """All there is a name for, whether an account has it or not."""
    served: list[Model]
    """Those that an account may have."""
    sure: list[Model]
    """Those that an account has said to have; until one was asked, all."""


async def model_for(name: str) -> Model:
    """Raises ModelUnknown. A known model that no account has is found too: the pool
    then says so better than "unknown" would."""
    wanted = settings.MODEL_ALIASES.get(name, name)
    model = _meant(wanted, offer_of(await pool.available_models()))
    return replace(model, token_ratio=await token_ratio(model.upstream_id))


def _meant(wanted: str, offer: Offer) -> Model:
    for models in (offer.served, offer.every):
        with suppress(ModelUnknown):
            return resolve(wanted, False, models)
    if settings.MODEL_FAMILY_FALLBACK:
        with suppress(ModelUnknown):
            return resolve(wanted, True, offer.sure)
    return resolve(wanted, settings.MODEL_FAMILY_FALLBACK, offer.served)


async def served_models() -> list[Model]:
    return offer_of(await pool.available_models()).served


@lru_cache(maxsize=1)
def offer_of(told: PoolModels) -> Offer:
    """The catalog first, then what only the lists know; limits as they tell."""
    learned = [i for i in sorted(told.limits) if by_upstream_id(i) is None]
    models = [*MODELS, *map(unknown_model, learned)]
    every = [_with_limits(model, told.limits) for model in models]
    sure = [m for m in every if not m.listed_id or m.listed_id in told.limits]
    return Offer(
        every=every,
        served=sure if told.complete else every,
        sure=sure if told.limits else every,
    )


def _with_limits(model: Model, told: Mapping[str, ModelLimits]) -> Model:
    limits = told.get(model.listed_id or model.upstream_id)
    if limits is None:
        return model
    return replace(
        model,
        window=limits.window or model.window,
        max_output=limits.max_output or model.max_output,
        images=model.images if limits.images is None else limits.images,
        caching=limits.caching,
    )
