"""What Linux knows of a process and of those it has started: time, memory, threads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
MEASURED, OTHERS = {CORES[0]}, {CORES[-1]}
"""Where what is measured runs, and where all the others do."""


@contextmanager
def on(cores: Iterable[int]) -> Iterator[None]:
    """What is started in here stays on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def tree(pids: Iterable[int]) -> list[int]:
    found = list(pids)
    for pid in found:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):  # the thread ended
                found += map(int, children.read_text().split())
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system, of all threads and children, those that have ended too."""
    ticks = 0
    for pid in tree(pids):
        # The name, in brackets, may hold spaces.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / TICK


def rss_kb(pids: Iterable[int]) -> int:
    return sum(_status(pid, "VmRSS:") for pid in pids)


def threads(pids: Iterable[int]) -> int:
    return max(_status(pid, "Threads:") for pid in pids)


def _status(pid: int, name: str) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split(name, 1)[1].split(None, 1)[0])
