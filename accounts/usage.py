"""Reads the answer of getUsageLimits: how many credits an account has left.

Every absent thing may be spelt as null, so null is taken for absent everywhere.
Times are epoch seconds, whole or fractional.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

Json: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Usage:
    email: str
    plan: str
    limit: float | None
    """With the active trial and bonuses; None: the answer does not tell."""
    used: float | None
    available: float | None
    """What may still be spent: the rest of all that, and overage if allowed."""
    resets_at: datetime | None
    overage_enabled: bool

    @property
    def exhausted(self) -> bool:
        """Nothing left, as far as figures can tell; only the service's own
        refusal proves it."""
        none_left = self.available is not None and self.available <= 0
        return none_left and not self.overage_enabled


def read_usage(answer: Json, now: datetime) -> Usage:
    subscription = _object(answer, "subscriptionInfo")
    overage = _object(answer, "overageConfiguration")
    overage_enabled = (
        overage.get("overageStatus") == "ENABLED"
        and subscription.get("overageCapability") == "OVERAGE_CAPABLE"
    )
    limit = used = available = None
    if items := _credit_items(answer):
        allowances = [pair for item in items for pair in _allowances(item, now)]
        limit = sum(pair[0] for pair in allowances)
        used = sum(pair[1] for pair in allowances)
        available = sum(max(0.0, pair[0] - pair[1]) for pair in allowances)
        if overage_enabled:
            available += sum(_overage_room(item) for item in items)
    return Usage(
        email=_text(_object(answer, "userInfo"), "email"),
        plan=_text(subscription, "subscriptionTitle"),
        limit=limit,
        used=used,
        available=available,
        resets_at=_resets_at(answer, items),
        overage_enabled=overage_enabled,
    )


def _credit_items(answer: Json) -> list[Json]:
    """The items that count credits, else the first there is."""
    items = _objects(answer, "usageBreakdownList")
    if not items and (deprecated := _object(answer, "usageBreakdown")):
        items = [deprecated]
    return [i for i in items if i.get("resourceType") == "CREDIT"] or items[:1]


def _allowances(item: Json, now: datetime) -> list[tuple[float, float]]:
    """(limit, used) of the plan, of an active trial, of active bonuses."""
    allowances = [(_precise(item, "usageLimit"), _precise(item, "currentUsage"))]
    trial = _object(item, "freeTrialInfo")
    if trial.get("freeTrialStatus") == "ACTIVE":
        allowances.append(
            (_precise(trial, "usageLimit"), _precise(trial, "currentUsage"))
        )
    for bonus in _objects(item, "bonuses"):
        expires = _time(bonus.get("expiresAt"))
        if bonus.get("status") == "ACTIVE" and (expires is None or expires > now):
            allowances.append(
                (_precise(bonus, "usageLimit"), _precise(bonus, "currentUsage"))
            )
    return allowances


def _overage_room(item: Json) -> float:
    spent = _precise(item, "currentOverages")
    return max(0.0, _precise(item, "overageCap") - spent)


def _resets_at(answer: Json, items: Sequence[Json]) -> datetime | None:
    dates = [answer.get("nextDateReset"), *(i.get("nextDateReset") for i in items)]
    return next((time for date in dates if (time := _time(date))), None)


def _precise(item: Json, name: str) -> float:
    """The fractional figure, else the whole one, else nothing."""
    precise = _number(item.get(f"{name}WithPrecision"))
    return precise if precise is not None else _number(item.get(name)) or 0.0


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _time(value: object) -> datetime | None:
    seconds = _number(value)
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _text(item: Json, name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _object(item: Json, name: str) -> Json:
    value = item.get(name)
    return value if isinstance(value, Mapping) else {}


def _objects(item: Json, name: str) -> list[Json]:
    value = item.get(name)
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [entry for entry in value if isinstance(entry, Mapping)]
