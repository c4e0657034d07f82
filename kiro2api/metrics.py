"""What a process counts for Prometheus: nothing at all before `start`, which only those
that serve or work call, and only with a METRICS_TOKEN.

What can be read from the database is not counted here: `dashboard.metricsview` has it.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from prometheus_client.core import Metric

SECONDS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600)

# Figures wait so long to be written, and so many of them; then the oldest are lost.
EVERY = 0.5
TOLD_MOST = 100_000

Definition: TypeAlias = tuple[str, str, tuple[str, ...]]

# Name, what it says, labels.
COUNTERS: tuple[Definition, ...] = (
    (
        "kiro2api_requests_total",
        "Requests that were answered",
        ("dialect", "model", "status", "account"),
    ),
    (
        "kiro2api_tokens_total",
        "Tokens of replies; kind: input, output, cache_read, cache_write",
        ("model", "account", "kind"),
    ),
    ("kiro2api_credits_total", "Credits that replies cost", ("model", "account")),
    (
        "kiro2api_failovers_total",
        "Upstream calls after the first that requests needed",
        ("model",),
    ),
    (
        "kiro2api_refreshes_total",
        "Renewals of tokens; result: renewed, refused, failed",
        ("account", "result"),
    ),
    (
        "kiro2api_queue_waits_total",
        "Requests that waited for an account; result: served, too_long, no_account, "
        "crowded, client_gone",
        ("result",),
    ),
    ("kiro2api_records_dropped_total", "Usage records that were lost", ()),
    ("kiro2api_log_lines_dropped_total", "Log lines that were lost", ()),
)
HISTOGRAMS: tuple[Definition, ...] = (
    (
        "kiro2api_request_seconds",
        "From the request to the end of its answer",
        ("dialect", "model"),
    ),
    (
        "kiro2api_first_event_seconds",
        "From the request to the first event of its reply",
        ("dialect", "model"),
    ),
    ("kiro2api_queue_wait_seconds", "How long requests waited for an account", ()),
)
GAUGES: tuple[Definition, ...] = (
    ("kiro2api_streams_open", "Replies that are under way", ()),
)


class _Figures:
    """A figure is told in a fraction of a microsecond, and written by a thread."""

    def __init__(self, folder: Path) -> None:
        # Here, as only those need them who count.
        from prometheus_client import Counter, Gauge, Histogram

        from kiro2api.metricsfiles import Files

        self.told: deque[tuple[tuple[str, ...], float]] = deque(maxlen=TOLD_MOST)
        self._files = Files(folder)
        self._metrics: dict[str, Any] = {}
        for name, says, labels in COUNTERS:
            self._metrics[name] = Counter(name, says, labels, registry=None)
        for name, says, labels in HISTOGRAMS:
            self._metrics[name] = Histogram(
                name, says, labels, buckets=SECONDS, registry=None
            )
        for name, says, labels in GAUGES:
            self._metrics[name] = Gauge(
                name, says, labels, multiprocess_mode="livesum", registry=None
            )
        self._takers: dict[tuple[str, ...], Callable[[float], None]] = {}
        self._turn = threading.Lock()
        threading.Thread(target=self._write, name="metrics", daemon=True).start()
        atexit.register(self.flush)

    def collect(self) -> Iterable[Metric]:
        self.flush()
        return self._files.collect()

    def flush(self) -> None:
        with self._turn:
            while self.told:
                key, value = self.told.popleft()
                self._taker(key)(value)

    def _write(self) -> None:
        while True:
            time.sleep(EVERY)
            self.flush()

    def _taker(self, key: tuple[str, ...]) -> Callable[[float], None]:
        if key not in self._takers:
            metric, labels = self._metrics[key[0]], key[1:]
            child = metric.labels(*labels) if labels else metric
            taker = getattr(child, "observe", None) or child.inc
            self._takers[key] = taker
        return self._takers[key]


_figures: _Figures | None = None


def start(folder: Path) -> None:
    """Count from now on, in files there, which processes of this machine share."""
    global _figures
    _figures = _Figures(folder)


def collect() -> Iterable[Metric]:
    """What all processes of this machine have counted; others' up to EVERY ago."""
    return _figures.collect() if _figures else ()


def count(name: str, *labels: str, by: float = 1) -> None:
    if _figures:
        _figures.told.append(((name, *labels), by))


def observe(name: str, seconds: float, *labels: str) -> None:
    if _figures:
        _figures.told.append(((name, *labels), seconds))
