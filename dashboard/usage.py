"""What was used in a span of time: the read model of charts, their table and exports.

One statement for all of it, but by session two: the busiest first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, TypeAlias

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clients import reports
from clients.reports import ALL, Choice, Split, Sums, together
from dashboard.filters import DIALECTS
from dashboard.span import Span

LINES_MOST = 7
"""As many as there are colours that everybody can tell apart; then the others."""
ROWS_MOST = 200

Unit = Literal["count", "credits", "ms"]
Number: TypeAlias = float | None


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    title: Promise
    unit: Unit
    of: Callable[[Sums], Number | Decimal]

    @property
    def adds_up(self) -> bool:
        """Means do not."""
        return self.unit != "ms"


FIGURES = (
    Figure("requests", gettext_lazy("Requests"), "count", lambda s: s.requests),
    Figure("tokens", gettext_lazy("Tokens"), "count", lambda s: s.tokens),
    Figure("credits", gettext_lazy("Credits"), "credits", lambda s: s.credits),
    Figure("errors", gettext_lazy("Errors"), "count", lambda s: s.errors),
    Figure("ttfb", gettext_lazy("Time to first byte"), "ms", lambda s: s.ttfb_ms),
    Figure("duration", gettext_lazy("Duration"), "ms", lambda s: s.duration_ms),
)
TOKENS: tuple[tuple[Promise, Callable[[Sums], int]], ...] = (
    (gettext_lazy("Input"), lambda s: s.input_tokens),
    (gettext_lazy("Output"), lambda s: s.output_tokens),
    (gettext_lazy("Cache"), lambda s: s.cached_tokens),
)
"""What the tokens are of, where nothing else splits them."""


@dataclass(frozen=True, slots=True)
class Line:
    """One key, owner ... through all the steps."""

    name: str
    colour: int
    """From 1; 0 is that of the others."""
    steps: dict[datetime, Sums]
    sums: Sums


@dataclass(frozen=True, slots=True)
class Usage:
    span: Span
    split: Split | None
    total: Sums | None
    """None: nothing was used."""
    rows: list[Line]
    """By what it is split, the busiest first."""
    lines: list[Line]
    """Those that are drawn."""
    steps: dict[datetime, Sums]
    """All together."""


def usage(span: Span, split: Split | None = None, choice: Choice = ALL) -> Usage:
    """ValueError: by session, and of too long a span."""
    only = None
    if split == "session":
        busiest = reports.sums(span.since, span.until, split=split, choice=choice)
        only = [one.split for one in busiest if one.split is not None]
    found = reports.sums(
        span.since,
        span.until,
        step=span.step,
        split=split,
        only=only,
        choice=choice,
        zone=span.zone,
    )
    if not found:
        return Usage(span, split, None, [], [], {})
    by_step: defaultdict[datetime, list[Sums]] = defaultdict(list)
    by_split: defaultdict[int | str | None, list[Sums]] = defaultdict(list)
    for one in found:
        assert one.at is not None, "sums by the step have one"
        by_step[one.at].append(one)
        by_split[one.split].append(one)
    rows = _rows(list(by_split.values()), split) if split else []
    return Usage(
        span,
        split,
        together(found),
        rows,
        _lines(rows),
        {at: together(some) for at, some in by_step.items()},
    )


def _rows(groups: list[list[Sums]], split: Split) -> list[Line]:
    groups.sort(key=lambda some: (-sum(one.requests for one in some), some[0].name))
    rows = [
        _line(_called(some[-1], split), number, some)
        for number, some in enumerate(groups[:ROWS_MOST], 1)
    ]
    if rest := [one for some in groups[ROWS_MOST:] for one in some]:
        rows.append(_line(_("others"), 0, rest))
    return rows


def _lines(rows: list[Line]) -> list[Line]:
    if len(rows) <= LINES_MOST:
        return rows
    rest = [one for row in rows[LINES_MOST:] for one in row.steps.values()]
    at = [when for row in rows[LINES_MOST:] for when in row.steps]
    return [*rows[:LINES_MOST], _line(_("others"), 0, rest, at)]


def _line(
    name: str, number: int, some: list[Sums], at: list[datetime] | None = None
) -> Line:
    """`at` where they do not know it: once together they do not."""
    by_step: defaultdict[datetime, list[Sums]] = defaultdict(list)
    for when, one in zip(at or _times(some), some, strict=True):
        by_step[when].append(one)
    steps = {
        when: ones[0] if len(ones) == 1 else together(ones)
        for when, ones in by_step.items()
    }
    colour = number if number <= LINES_MOST else 0
    return Line(name, colour, steps, together(some))


def _times(some: list[Sums]) -> list[datetime]:
    """Of sums by the step."""
    return [one.at for one in some if one.at is not None]


def _called(one: Sums, split: Split) -> str:
    if split == "key" and one.split == 0:
        return _("shared")
    if split == "dialect":
        return DIALECTS.get(one.name, one.name)
    return one.name or _("none")
