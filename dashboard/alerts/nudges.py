"""Alerts by the gateway itself: soon after the pool has changed, with a worker or
without one."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from contextvars import Context
from weakref import WeakKeyDictionary

from django.db import Error as DatabaseError

from accounts.signals import pool_changed
from dashboard.alerts.watch import check

logger = logging.getLogger(__name__)

# Every request changes the pool, and what changes comes in twos and threes.
SETTLES_WITHIN = 1.0
REST_SECONDS = 10.0
# For what is being sent when the server stops; the rest waits in the database.
END_WITHIN = 10.0


class _Watcher:
    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self._checking = asyncio.Lock()
        # In the context of no request: it outlives each of them.
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._watch(), context=Context())

    async def _watch(self) -> None:
        while True:
            await self.changed.wait()
            await asyncio.sleep(SETTLES_WITHIN)
            self.changed.clear()
            async with self._checking:
                try:
                    await check()
                except DatabaseError as error:
                    kind = type(error).__name__
                    logger.error("alerts: the pool was not looked at: %s", kind)
                except Exception:
                    # Whatever it is, the next change is looked at again.
                    logger.exception("alerts: the pool was not looked at")
            await asyncio.sleep(REST_SECONDS)

    async def end(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(END_WITHIN):
                await self._checking.acquire()
        self._task.cancel()


_watchers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watcher] = WeakKeyDictionary()


def begin() -> None:
    """Called by the server, and by nobody else: other processes change the pool, too,
    and are gone before anything could be sent."""
    pool_changed.connect(_note_change)


async def end() -> None:
    pool_changed.disconnect(_note_change)
    if watcher := _watchers.pop(asyncio.get_running_loop(), None):
        await watcher.end()


async def _note_change(sender: object = None, **told: object) -> None:
    loop = asyncio.get_running_loop()
    if loop not in _watchers:
        _watchers[loop] = _Watcher()
    _watchers[loop].changed.set()
