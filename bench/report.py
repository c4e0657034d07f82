"""The results as tables in Markdown, and what they say of the goals. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.figures import NONE, Figures, Row
from bench.pages import Page

RELAY, DIRECT = "relay", "direct"


@dataclass(slots=True)
class Results:
    machine: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    statements: dict[str, dict[str, float]] = field(default_factory=dict)
    pages: list[Page] = field(default_factory=list)
    seconds: float = 0.0

    def row(self, scenario: str) -> Row | None:
        return next((row for row in self.rows if row.scenario == scenario), None)


@dataclass(frozen=True, slots=True)
class Goal:
    what: str
    most: float
    found: float

    @property
    def met(self) -> bool:
        return self.found <= self.most


COLUMNS = (
    "target",
    "requests/s",
    "events/s",
    "CPU ms/request",
    "× relay",
    "CPU µs/event",
    "first byte p50, p99 ms",
    "delay p50, p99 ms",
    "added p99 × relay",
    "RSS MB",
    "KB/stream",
    "threads",
)


def tables(results: Results, goals: Iterable[Goal]) -> str:
    parts = [f"{name}: {value}" for name, value in results.machine.items()]
    told = ["; ".join(parts) + f"; {results.seconds:.0f} s in all."]
    for row in results.rows:
        title = f"### {row.scenario}\n\nLoad average {row.load:.1f}."
        told.append(f"{title}\n\n{_table(COLUMNS, _lines(row))}")
        told += [f"**{failure}**" for failure in row.failures]
    if results.statements:
        told.append("### Database")
        lines = [
            [target, f"{sum(each.values()):.2f}", f"{_plain(each):.2f}"]
            for target, each in results.statements.items()
        ]
        heads = ("target", "statements/request", "without BEGIN and COMMIT")
        told.append(_table(heads, lines))
    if results.pages:
        told.append("### Pages")
        looked = [
            [p.target, p.path, f"{p.ms:.1f}", f"{p.cpu_ms:.1f}", f"{p.kilobytes:.0f}"]
            for p in results.pages
        ]
        told.append(_table(("target", "page", "ms", "CPU ms", "KB"), looked))
    judged = [
        [g.what, f"{g.most:g}", _show(g.found, 2), "yes" if g.met else "**no**"]
        for g in goals
    ]
    told.append("### Goals")
    told.append(_table(("goal", "at most", "found", "met"), judged))
    return "\n\n".join(told) + "\n"


def _plain(statements: Mapping[str, float]) -> float:
    frame = ("BEGIN", "COMMIT", "ROLLBACK")
    return sum(n for text, n in statements.items() if not text.startswith(frame))


def _lines(row: Row) -> Iterator[list[str]]:
    relay = row.targets.get(RELAY, Figures())
    for name, seen in row.targets.items():
        yield [
            name,
            _show(seen.requests_a_second, 0),
            _show(seen.events_a_second, 0),
            _show(seen.cpu_ms_a_request, 2),
            _show(seen.cpu_ms_a_request / relay.cpu_ms_a_request, 2),
            _show(seen.cpu_us_an_event, 1),
            _both(seen.first_byte_p50_ms, seen.first_byte_p99_ms, 1),
            _both(seen.delay_p50_ms, seen.delay_p99_ms, 2),
            _show(added_delay(row, name), 2),
            _show(seen.rss_mb, 0),
            _show(seen.rss_kb_a_stream, 0) if not math.isnan(seen.delay_p50_ms) else "",
            _show(seen.threads, 0),
        ]


def added_delay(row: Row, target: str) -> float:
    """What the target adds to the p99 of the direct way, over what the relay does."""
    direct, relay = row.targets.get(DIRECT), row.targets.get(RELAY)
    if direct is None or relay is None or target in (DIRECT, RELAY):
        return NONE
    floor = relay.delay_p99_ms - direct.delay_p99_ms
    added = row.targets[target].delay_p99_ms - direct.delay_p99_ms
    return added / floor if floor > 0 else NONE


def _show(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:,.{digits}f}"


def _both(median: float, high: float, digits: int) -> str:
    shown = (_show(median, digits), _show(high, digits))
    return ", ".join(filter(None, shown))


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    drawn = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in drawn)
