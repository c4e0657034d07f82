"""Reads a list of models as the service gives it: what it says of each.

Null is taken for absent, and a figure that makes no sense for one not told.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# The service's own pattern; it allows 1024 characters.
MODEL_ID = re.compile(r"[a-zA-Z0-9_:.-]{1,128}")


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """What is said of one model. None: not told."""

    window: int | None = None
    """Tokens that go in."""
    max_output: int | None = None
    images: bool | None = None
    rate: float | None = None
    """Credits, as a multiple of what the plain model costs."""
    caching: bool = False
    native_fields: bool = False
    """It has a schema for additionalModelRequestFields."""


@dataclass(frozen=True, slots=True, eq=False)
class PoolModels:
    """What the accounts' lists said together when they were read: one reading is
    equal to itself alone, so that what is worked out of it can be kept."""

    limits: Mapping[str, ModelLimits]
    """By upstream id; where accounts differ, what holds on each of them."""
    complete: bool
    """Every account has told: what is not here, none of them has."""


def read_models(items: Iterable[object]) -> dict[str, ModelLimits]:
    """The entries of one page, by id; entries without a proper id are left out."""
    models = {}
    for item in items:
        if isinstance(item, Mapping) and (model_id := _model_id(item)):
            models[model_id] = _limits(item)
    return models


def shared_limits(one: ModelLimits, other: ModelLimits) -> ModelLimits:
    """What may be counted on, whichever of two accounts serves."""
    return ModelLimits(
        window=_least(one.window, other.window),
        max_output=_least(one.max_output, other.max_output),
        images=_both(one.images, other.images),
        rate=max(filter(None, (one.rate, other.rate)), default=None),
        caching=one.caching and other.caching,
        native_fields=one.native_fields and other.native_fields,
    )


def _model_id(item: Mapping[str, object]) -> str:
    value = item.get("modelId")
    return value if isinstance(value, str) and MODEL_ID.fullmatch(value) else ""


def _limits(item: Mapping[str, object]) -> ModelLimits:
    tokens = _object(item, "tokenLimits")
    caching = _object(item, "promptCaching")
    return ModelLimits(
        window=_count(tokens.get("maxInputTokens")),
        max_output=_count(tokens.get("maxOutputTokens")),
        images=_takes_images(item.get("supportedInputTypes")),
        rate=_rate(item.get("rateMultiplier")),
        caching=caching.get("supportsPromptCaching") is True,
        native_fields=bool(_object(item, "additionalModelRequestFieldsSchema")),
    )


def _takes_images(types: object) -> bool | None:
    return "IMAGE" in types if isinstance(types, list) else None


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if value > 0 else None


def _rate(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value >= 0 else None


def _least(one: int | None, other: int | None) -> int | None:
    return min(filter(None, (one, other)), default=None)


def _both(one: bool | None, other: bool | None) -> bool | None:
    told = [flag for flag in (one, other) if flag is not None]
    return all(told) if told else None


def _object(item: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = item.get(name)
    return value if isinstance(value, Mapping) else {}
