"""One look at the pool, shared by all who watch it from this process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from django.template.loader import render_to_string
from django.utils import translation

from dashboard.status import PoolStatus, pool_status
from kiro2api.database import in_database


@dataclass(slots=True)
class Snapshot:
    pool: PoolStatus | None = None
    asked_at: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    fragments: dict[tuple[str, bool], str] = field(default_factory=dict)

    async def read(self, since: float) -> PoolStatus:
        """The pool as it was at `since` (the loop's time) or later; read once for
        all who ask."""
        async with self.turn:
            if self.pool is None or self.asked_at < since:
                asked_at = asyncio.get_running_loop().time()
                self.pool = await in_database(pool_status)()
                self.asked_at = asked_at
                self.fragments.clear()
            return self.pool

    def fragment(self, language: str, detailed: bool) -> str:
        """`_pool.html` of what was read last, in a language of settings.LANGUAGES."""
        key = language, detailed
        if key not in self.fragments:
            with translation.override(language):
                look = {"pool": self.pool, "detailed": detailed}
                self.fragments[key] = render_to_string(
                    "dashboard/_pool.html", {"look": look}
                )
        return self.fragments[key]


_snapshots: WeakKeyDictionary[asyncio.AbstractEventLoop, Snapshot] = WeakKeyDictionary()


def snapshot() -> Snapshot:
    """The running loop's: a process that serves has one."""
    return _snapshots.setdefault(asyncio.get_running_loop(), Snapshot())
