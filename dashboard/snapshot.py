"""One look at the pool and at today's use, for all who watch from this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from django.template.loader import render_to_string
from django.utils import translation

from dashboard.status import PoolStatus, pool_status
from dashboard.today import Today, today
from kiro2api.database import in_database

T = TypeVar("T")


@dataclass(slots=True)
class Shared(Generic[T]):
    """Something that is read once for all who ask."""

    look: Callable[[], T]
    seen: T | None = None
    asked_at: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self, since: float) -> T:
        """As it was at `since` (the loop's time) or later."""
        async with self.turn:
            if self.seen is None or self.asked_at < since:
                asked_at = asyncio.get_running_loop().time()
                self.seen = await in_database(self.look)()
                self.asked_at = asked_at
            return self.seen


@dataclass(frozen=True, slots=True)
class Seen:
    pool: PoolStatus
    today: Today | None
    """None: not for those who look."""

    def is_same_look(self, other: Seen) -> bool:
        """Not one that shows the same by chance, an hour ago."""
        return self.pool is other.pool and self.today is other.today


@dataclass(slots=True)
class Snapshot:
    pool: Shared[PoolStatus] = field(default_factory=lambda: Shared(pool_status))
    today: Shared[Today] = field(default_factory=lambda: Shared(today))
    fragments: dict[tuple[str, bool, bool], tuple[Seen, str]] = field(
        default_factory=dict
    )

    async def read(self, since: float, with_today: bool) -> Seen:
        pool = await self.pool.read(since)
        return Seen(pool, await self.today.read(since) if with_today else None)

    def fragment(self, seen: Seen, language: str, detailed: bool) -> str:
        """`_pool.html` in a language of settings.LANGUAGES; written once for all to
        whom it shows the same."""
        key = language, detailed, seen.today is None
        written_of, html = self.fragments.get(key, (None, ""))
        if not (written_of and written_of.is_same_look(seen)):
            look = {"pool": seen.pool, "today": seen.today, "detailed": detailed}
            with translation.override(language):
                html = render_to_string("dashboard/_pool.html", {"look": look})
            self.fragments[key] = seen, html
        return html


_snapshots: WeakKeyDictionary[asyncio.AbstractEventLoop, Snapshot] = WeakKeyDictionary()


def snapshot() -> Snapshot:
    """The running loop's: a process that serves has one."""
    return _snapshots.setdefault(asyncio.get_running_loop(), Snapshot())
