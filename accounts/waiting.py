"""Requests of this process that wait for room on an account, first come first served.

Those that want the same stand in one line, and only the first of a line looks: when
something was given back here, and every quarter of a second for what other processes
give back. Nobody waits for longer than POOL_QUEUE_SECONDS, nor behind
POOL_QUEUE_MOST others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from weakref import WeakKeyDictionary

from django.conf import settings

LOOK_AGAIN = 0.25


class Crowded(Exception):
    """Too many are waiting already."""


class Place:
    def __init__(self, line: deque[Place]) -> None:
        self.look = asyncio.Event()
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + settings.POOL_QUEUE_SECONDS

    async def turn(self) -> bool:
        """Wait until it is worth looking; False: the time is over."""
        while (left := self._until - self._loop.time()) > 0:
            if self._is_first:
                left = min(left, LOOK_AGAIN)
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self.look.wait()
            self.look.clear()
            if self._is_first:
                return True
        return False

    @property
    def _is_first(self) -> bool:
        return self._line[0] is self


class Lines:
    """Of one loop, by what is waited for."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, deque[Place]] = {}

    @property
    def count(self) -> int:
        return sum(map(len, self._lines.values()))

    def has(self, wanted: Hashable) -> bool:
        return wanted in self._lines

    @contextmanager
    def place(self, wanted: Hashable) -> Iterator[Place]:
        """At the end of the line. Raises Crowded."""
        if self.count >= settings.POOL_QUEUE_MOST:
            raise Crowded
        line = self._lines.setdefault(wanted, deque())
        place = Place(line)
        line.append(place)
        try:
            yield place
        finally:
            line.remove(place)
            if line:
                line[0].look.set()
            else:
                del self._lines[wanted]

    def look_again(self) -> None:
        for line in self._lines.values():
            line[0].look.set()


_lines: WeakKeyDictionary[asyncio.AbstractEventLoop, Lines] = WeakKeyDictionary()


def lines() -> Lines:
    return _lines.setdefault(asyncio.get_running_loop(), Lines())


def look_again() -> None:
    """There may be room."""
    lines().look_again()
