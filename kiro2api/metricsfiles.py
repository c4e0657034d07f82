"""Where the processes of one machine count together: in files that each can read.

A scrape reaches any of them and is to see them all. In DATA_DIR/metrics/<host>/ a
process takes the first free number, by a lock that ends with it, and counts in the
files of that number, going on where its predecessor stopped: so sums never fall at a
restart, and there are never more files than there were processes at once. The first
process to come finds no lock and begins anew; it also takes away what hosts that are no
more, containers of old, have left.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import values
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

# What prometheus_client calls the files of gauges.
GAUGES = "gauge_*_{number}.db"


class Files:
    def __init__(self, folder: Path) -> None:
        self._folder = folder / socket.gethostname()
        self._folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / "lock"):
            for host in folder.iterdir():
                if host.is_dir() and not any(map(_is_held, host.glob("*.lock"))):
                    shutil.rmtree(host)
            self._folder.mkdir(exist_ok=True)
            self.number = self._take_number()
        for left in self._folder.glob(GAUGES.format(number=self.number)):
            left.unlink()
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(self._folder)
        number = self.number
        values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]
            lambda: number
        )

    def collect(self) -> Iterable[Metric]:
        files = set(self._folder.glob("*.db"))
        for lock in self._folder.glob("*.lock"):
            # Nothing is under way in a process that is no more.
            if not _is_held(lock):
                files -= set(self._folder.glob(GAUGES.format(number=lock.stem)))
        found: Iterable[Metric] = MultiProcessCollector.merge(  # type: ignore[no-untyped-call]
            map(str, files)
        )
        return found

    def _take_number(self) -> int:
        number = 0
        while True:
            # Held open, and so locked, for as long as the process lives.
            lock = os.open(self._folder / f"{number}.lock", os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return number
            except BlockingIOError:
                os.close(lock)
                number += 1


def _is_held(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
