"""What was used, as pages ask for it.

Sums come from the hours that are rolled up and the records that are not yet, read by
one statement: whatever is rolled up meanwhile is counted once. Sessions are in the
records alone, and go with them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from django.db.models import Count, Expression, F, Max, Q, QuerySet, Sum, Value
from django.db.models.functions import TruncDay, TruncHour, TruncMinute

from clients import periods
from clients.costs import EXACT
from clients.models import UsageHour, UsageRecord

Step = Literal["minute", "hour", "day"]
Split = Literal["key", "owner", "account", "model", "dialect", "session"]

SESSIONS_MOST = timedelta(days=7)
"""For so long at once sums can be had by session: they are made of records."""
SESSIONS_SHOWN = 100
"""The busiest."""
MINUTES_MOST = timedelta(hours=6)
"""The same of sums by the minute."""
PAGE = 50
PAGE_MOST = 1000
EPOCH = datetime.fromtimestamp(0, UTC)
MICROSECOND = timedelta(microseconds=1)

_COLUMNS: dict[Split, tuple[str, str]] = {
    "key": ("key_id", "key_name"),
    "owner": ("owner_id", "owner_name"),
    "account": ("account_id", "account"),
    "model": ("model", "model"),
    "dialect": ("dialect", "dialect"),
    "session": ("session", "session"),
}
"""By what is split, and what it is called."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which requests are meant; what is None may be anything. 0 is the shared key, a
    key without an owner, a request no account has seen."""

    key_id: int | None = None
    owner_id: int | None = None
    account_id: int | None = None
    model: str | None = None
    dialect: str | None = None
    session: str | None = None

    def where(self) -> Q:
        chosen = ((field.name, getattr(self, field.name)) for field in fields(self))
        return Q(**{name: value for name, value in chosen if value is not None})


ALL = Choice()


@dataclass(frozen=True, slots=True)
class Sums:
    """Of the requests of one step of time, and of one key, owner ... if split."""

    at: datetime | None
    """The beginning of the minute, hour or day; None: of all the time asked for."""
    split: int | str | None
    """The number of the key, owner or account, or the text that is split by."""
    name: str
    requests: int
    errors: int
    estimated: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    credits: Decimal
    ttfb_ms: float | None
    """The mean; None if no request had a first byte."""
    duration_ms: float
    """The mean."""
    timed: int
    """So many had a first byte."""

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.cached_tokens + self.output_tokens

    @property
    def cached_tokens(self) -> int:
        return self.cache_read_tokens + self.cache_write_tokens


def sums(
    since: datetime,
    until: datetime,
    *,
    step: Step | None = None,
    split: Split | None = None,
    only: Collection[int | str] | None = None,
    choice: Choice = ALL,
    zone: tzinfo = UTC,
) -> list[Sums]:
    """In order of time, then of names; nothing for steps in which there was nothing.
    Whole hours count, those in which `since` and `until` lie too; by the minute, the
    time as it is told. Days are those of the zone. `only` these keys, owners ... of
    those it is split by. By session for SESSIONS_MOST at once and, without steps, the
    SESSIONS_SHOWN busiest; by the minute for MINUTES_MOST; else ValueError."""
    if step == "minute":
        if until - since > MINUTES_MOST:
            raise ValueError("by the minute for six hours at once at most")
    else:
        since = periods.hour_of(since)
        until = periods.hour_of(until - MICROSECOND) + timedelta(hours=1)
    if split == "session" and until - since > SESSIONS_MOST + timedelta(hours=1):
        raise ValueError("by session for a week at once at most")
    where = choice.where()
    if split is not None and only is not None:
        where &= Q(**{f"{_COLUMNS[split][0]}__in": only})
    records = UsageRecord.objects.filter(where, at__gte=since, at__lt=until)
    if step == "minute" or split == "session" or choice.session is not None:
        rows = _summed(records, _OF_RECORDS, _steps("at", step, zone), split)
        if split == "session" and step is None:
            rows = rows.order_by("-sum_requests")[:SESSIONS_SHOWN]
    else:
        hours = UsageHour.objects.filter(where, hour__gte=since, hour__lt=until)
        rows = _summed(hours, _OF_HOURS, _steps("hour", step, zone), split).union(
            _summed(
                records.filter(rolled_up=False),
                _OF_RECORDS,
                _steps("at", step, zone),
                split,
            ),
            all=True,
        )
    return _folded(rows, step, split)


def together(some: Sequence[Sums]) -> Sums:
    """Of several that are at least one; named as the last of them."""
    requests = sum(one.requests for one in some)
    timed = sum(one.timed for one in some)
    ttfb = sum(one.ttfb_ms * one.timed for one in some if one.ttfb_ms is not None)
    return Sums(
        at=None,
        split=some[-1].split,
        name=some[-1].name,
        requests=requests,
        errors=sum(one.errors for one in some),
        estimated=sum(one.estimated for one in some),
        input_tokens=sum(one.input_tokens for one in some),
        output_tokens=sum(one.output_tokens for one in some),
        cache_read_tokens=sum(one.cache_read_tokens for one in some),
        cache_write_tokens=sum(one.cache_write_tokens for one in some),
        credits=sum((one.credits for one in some), Decimal(0)),
        ttfb_ms=ttfb / timed if timed else None,
        duration_ms=sum(one.duration_ms * one.requests for one in some) / requests,
        timed=timed,
    )


@dataclass(frozen=True, slots=True)
class Page:
    records: list[UsageRecord]
    """The newest first."""
    next: str
    """For `after`; empty: there are no more."""


def recent(
    choice: Choice = ALL,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    status: int | None = None,
    statuses: range | None = None,
    failed: bool | None = None,
    after: str = "",
    size: int = PAGE,
) -> Page:
    """Records, a page at a time; `after` is the `next` of the page before, and
    anything else raises ValueError."""
    rows = UsageRecord.objects.filter(choice.where())
    if since is not None:
        rows = rows.filter(at__gte=since)
    if until is not None:
        rows = rows.filter(at__lt=until)
    if status is not None:
        rows = rows.filter(status=status)
    if statuses is not None:
        rows = rows.filter(status__gte=statuses.start, status__lt=statuses.stop)
    if failed is not None:
        rows = rows.filter(failed=failed)
    if after:
        at, pk = _read_place(after)
        rows = rows.filter(Q(at__lt=at) | Q(at=at, pk__lt=pk), at__lte=at)
    size = min(max(size, 1), PAGE_MOST)
    found = list(rows.order_by("-at", "-pk")[: size + 1])
    last = found[size - 1] if len(found) > size else None
    return Page(found[:size], _place(last) if last else "")


def _place(record: UsageRecord) -> str:
    return f"{(record.at - EPOCH) // MICROSECOND}-{record.pk}"


def _read_place(place: str) -> tuple[datetime, int]:
    microseconds, _, pk = place.partition("-")
    try:
        return EPOCH + int(microseconds) * MICROSECOND, int(pk)
    except (ValueError, OverflowError) as error:
        raise ValueError("this is no place in the list of records") from error


# Sums, under the same names from both tables

_OF_HOURS: dict[str, Any] = {
    f"sum_{name}": Sum(name)
    for name in (
        "requests",
        "errors",
        "estimated",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "credits",
        "ttfb_ms",
        "ttfb_count",
        "duration_ms",
    )
}
_OF_RECORDS = _OF_HOURS | {
    "sum_requests": Count("pk"),
    "sum_errors": Count("pk", filter=Q(failed=True)),
    "sum_estimated": Count("pk", filter=Q(estimated=True)),
    "sum_ttfb_count": Count("ttfb_ms"),
}

Group: TypeAlias = tuple[datetime | None, int | str | None]


def _steps(column: str, step: Step | None, zone: tzinfo) -> dict[str, Expression]:
    match step:
        case "minute":
            return {"step": TruncMinute(column, tzinfo=UTC)}
        case "hour":
            return {"step": TruncHour(column, tzinfo=UTC)}
        case "day":
            return {"step": TruncDay(column, tzinfo=zone)}
        case None:
            return {}


def _summed(
    rows: QuerySet[Any],
    of: dict[str, Any],
    steps: dict[str, Expression],
    split: Split | None,
) -> QuerySet[Any, Any]:
    groups: dict[str, Any] = dict(steps)
    names: dict[str, Any] = {}
    if split is not None:
        number, name = _COLUMNS[split]
        groups["split"] = F(number)
        names["called"] = Max(name)
    # Grouped by nothing there is one row, even of nothing.
    groups = groups or {"everything": Value(0)}
    summed = rows.order_by().values(**groups).annotate(**names, **of)
    columns: QuerySet[Any, Any] = summed.values_list(*_order(steps, split))
    return columns


def _order(steps: object, split: Split | None) -> list[str]:
    """The columns of both, and so of their union."""
    timed = ["step"] if steps else []
    named = ["split", "called"] if split else []
    return [*timed, *named, *_OF_HOURS]


def _folded(
    rows: Iterable[tuple[Any, ...]], step: Step | None, split: Split | None
) -> list[Sums]:
    found: defaultdict[Group, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        told = dict(zip(_order(step, split), row, strict=True))
        if told["sum_requests"]:
            found[told.get("step"), told.get("split")].append(told)
    every = [_sum(*group, parts) for group, parts in found.items()]
    return sorted(every, key=lambda one: (one.at or EPOCH, one.name))


def _sum(
    at: datetime | None, split: int | str | None, parts: list[dict[str, Any]]
) -> Sums:
    """Of what the hours say and what the records say."""
    # A sum of nothing is null: of requests without a first byte.
    total = {name: sum(part[name] or 0 for part in parts) for name in _OF_HOURS}
    requests, timed = total["sum_requests"], total["sum_ttfb_count"]
    return Sums(
        at=at,
        split=split,
        name=max(part.get("called", "") for part in parts),
        requests=requests,
        errors=total["sum_errors"],
        estimated=total["sum_estimated"],
        input_tokens=total["sum_input_tokens"],
        output_tokens=total["sum_output_tokens"],
        cache_read_tokens=total["sum_cache_read_tokens"],
        cache_write_tokens=total["sum_cache_write_tokens"],
        credits=Decimal(total["sum_credits"]).quantize(EXACT),
        ttfb_ms=total["sum_ttfb_ms"] / timed if timed else None,
        duration_ms=total["sum_duration_ms"] / requests,
        timed=timed,
    )
