"""Reads the answer of getUsageLimits: how many credits an account has left.

Every absent thing may be spelt as null, so null is taken for absent everywhere.
Times are epoch seconds, whole or fractional.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

Json: TypeAlias = Mapping[str, object]

STATUSES = ("ACTIVE", "EXPIRED", "EXHAUSTED")
MOST_BONUSES = 50
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Source:
    """Where credits come from; as a dict it is what the row keeps."""

    kind: Literal["plan", "trial", "bonus", "overage"]
    name: str
    """Of a plan or a bonus, as the service calls it."""
    used: float
    limit: float
    expires_at: str | None
    """ISO 8601; of a trial or a bonus."""
    status: str
    """ACTIVE, EXPIRED or EXHAUSTED, as the service says; of overage ENABLED,
    DISABLED or INCAPABLE."""

    @property
    def counts(self) -> bool:
        """It can be spent from, or will be, once there is something left."""
        return self.status == "ACTIVE"


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
    sources: tuple[Source, ...] = ()

    @property
    def exhausted(self) -> bool:
        """Nothing left, as far as figures can tell; only the service's own
        refusal proves it."""
        none_left = self.available is not None and self.available <= 0
        return none_left and not self.overage_enabled


def read_usage(answer: Json, now: datetime) -> Usage:
    subscription = _object(answer, "subscriptionInfo")
    plan = _text(subscription, "subscriptionTitle")
    overage = _overage_status(answer)
    sources = [
        source
        for item in _credit_items(answer)
        for source in _sources(item, plan, overage, now)
    ]
    limit = used = available = None
    if sources:
        own = [source for source in sources if source.counts]
        limit = sum(source.limit for source in own)
        used = sum(source.used for source in own)
        spendable = [s for s in sources if s.counts or s.status == "ENABLED"]
        available = sum(max(0.0, s.limit - s.used) for s in spendable)
    return Usage(
        email=_text(_object(answer, "userInfo"), "email"),
        plan=plan,
        limit=limit,
        used=used,
        available=available,
        resets_at=_resets_at(answer),
        overage_enabled=overage == "ENABLED",
        sources=tuple(sources),
    )


def _overage_status(answer: Json) -> str:
    subscription = _object(answer, "subscriptionInfo")
    if subscription.get("overageCapability") != "OVERAGE_CAPABLE":
        return "INCAPABLE"
    configuration = _object(answer, "overageConfiguration")
    enabled = configuration.get("overageStatus") == "ENABLED"
    return "ENABLED" if enabled else "DISABLED"


def _credit_items(answer: Json) -> list[Json]:
    """The items that count credits, else the first there is."""
    items = _objects(answer, "usageBreakdownList")
    if not items and (deprecated := _object(answer, "usageBreakdown")):
        items = [deprecated]
    return [i for i in items if i.get("resourceType") == "CREDIT"] or items[:1]


def _sources(item: Json, plan: str, overage: str, now: datetime) -> Iterator[Source]:
    yield _source("plan", plan, item, None, "ACTIVE", now)
    if trial := _object(item, "freeTrialInfo"):
        expires, status = trial.get("freeTrialExpiry"), trial.get("freeTrialStatus")
        yield _source("trial", "", trial, expires, status, now)
    for bonus in _objects(item, "bonuses")[:MOST_BONUSES]:
        name = _text(bonus, "displayName") or _text(bonus, "bonusCode")
        expires, status = bonus.get("expiresAt"), bonus.get("status")
        yield _source("bonus", name, bonus, expires, status, now)
    yield Source(
        kind="overage",
        name="",
        used=_precise(item, "currentOverages"),
        limit=_precise(item, "overageCap"),
        expires_at=None,
        status=overage,
    )


def _source(
    kind: Literal["plan", "trial", "bonus"],
    name: str,
    figures: Json,
    expires: object,
    status: object,
    now: datetime,
) -> Source:
    expires_at = _time(expires)
    # A trial's status is enough; that of a bonus may lag behind.
    over = kind == "bonus" and expires_at is not None and expires_at <= now
    if status not in STATUSES or over:
        status = "EXPIRED"
    return Source(
        kind=kind,
        name=name[:LONGEST_NAME],
        used=_precise(figures, "currentUsage"),
        limit=_precise(figures, "usageLimit"),
        expires_at=expires_at.isoformat() if expires_at else None,
        status=str(status),
    )


def _resets_at(answer: Json) -> datetime | None:
    items = _credit_items(answer)
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
