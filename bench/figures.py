"""What a round of requests cost, and what rounds in turn say together. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields

NONE = float("nan")


@dataclass(slots=True)
class Figures:
    """Of one target in one scenario; NaN: not measured."""

    requests: float = NONE
    requests_a_second: float = NONE
    events_a_second: float = NONE
    cpu_ms_a_request: float = NONE
    cpu_us_an_event: float = NONE
    first_byte_p50_ms: float = NONE
    first_byte_p99_ms: float = NONE
    delay_p50_ms: float = NONE
    delay_p99_ms: float = NONE
    """Of events, from the upstream's write to the driver's read."""
    rss_mb: float = NONE
    rss_kb_a_stream: float = NONE
    threads: float = NONE


@dataclass(slots=True)
class Row:
    """One scenario: the figures of each target, and how busy the machine was."""

    scenario: str
    events: int
    targets: dict[str, Figures] = field(default_factory=dict)
    load: float = NONE
    failures: list[str] = field(default_factory=list)


def medians(rounds: Sequence[Figures]) -> Figures:
    """By figure, as each round is as good as another."""
    return Figures(
        **{
            name: statistics.median(getattr(one, name) for one in rounds)
            for name in (field.name for field in fields(Figures))
        }
    )


def percentile(values: Iterable[float], percent: float) -> float:
    ordered = sorted(values)
    if not ordered:
        return NONE
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]
