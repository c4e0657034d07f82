"""The live pages: they look again when nudged, and now and then anyway."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from dashboard.sight import sight_of
from dashboard.snapshot import Seen, snapshot
from kiro2api.database import in_database

logger = logging.getLogger(__name__)

POOL = "pool"
USAGE = "usage"
"""Groups of those who watch; the latter of what everybody uses."""

# Nudges are lost where processes share no channel layer. The looks of all watchers
# fall on the same moments, so that one read serves them all.
LOOK_EVERY = 5.0
LOOK_ANYWAY_EVERY = 30.0
PUSH_AT_MOST_EVERY = 1.0
# After a nudge, until every watcher has heard it; what is read after that serves all.
SETTLES_WITHIN = 0.1

# Codes the page's script takes for "connect again".
TRY_AGAIN = 1013
SERVICE_RESTART = 1012


def usage_of(owner: int) -> str:
    """The group of those who watch what one person uses."""
    return f"usage.{owner}"


class Watcher(AsyncWebsocketConsumer):  # type: ignore[misc]
    # So often somebody who watches has to show that they still may.
    life = 600.0

    watching: asyncio.Task[None] | None = None
    joined: tuple[str, ...] = ()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.watching:
                self.watching.cancel()

    async def watch_groups(self, *names: str) -> None:
        self.joined = names
        for name in names:
            await self.channel_layer.group_add(name, self.channel_name)
        await self.accept()
        self.watching = asyncio.create_task(self._watch())

    async def disconnect(self, code: int) -> None:
        for name in self.joined:
            await self.channel_layer.group_discard(name, self.channel_name)

    async def dispatch(self, message: dict[str, Any]) -> None:
        # Without the parent's clean-up of database connections: it costs a thread
        # for every message, and nothing here opens one.
        await getattr(self, get_handler_name(message))(message)

    async def _watch(self) -> None:
        try:
            async with asyncio.timeout(self.life):
                await self.keep_up()
        except TimeoutError:
            await self.close(SERVICE_RESTART)
        except Exception:
            # Whatever it is, a page that is no longer watched must not look live.
            logger.exception("a live page has lost sight of what it shows")
            await self.close(TRY_AGAIN)

    async def keep_up(self) -> None:
        raise NotImplementedError


class PoolConsumer(Watcher):
    """Pushes the part of the page that changes."""

    async def connect(self) -> None:
        self.nudged = asyncio.Event()
        self.nudged_at = 0.0
        self.language = self.scope["url_route"]["kwargs"]["language"]
        self.sight = await in_database(sight_of)(self.scope["user"])
        if self.language not in dict(settings.LANGUAGES) or (
            settings.DASHBOARD_LOGIN_REQUIRED and self.sight.person is None
        ):
            await self.close()
            return
        await self.watch_groups(POOL, *([USAGE] if self.sight.everybody else []))

    async def pool_changed(self, message: dict[str, Any]) -> None:
        self.nudged_at = asyncio.get_running_loop().time()
        self.nudged.set()

    usage_changed = pool_changed

    async def keep_up(self) -> None:
        pushed: Seen | None = None
        since = asyncio.get_running_loop().time()
        while True:
            seen = await snapshot().read(since, self.sight.everybody)
            if seen != pushed:
                detailed = self.sight.accounts
                await self.send(snapshot().fragment(seen, self.language, detailed))
                pushed = seen
                await asyncio.sleep(PUSH_AT_MOST_EVERY)
            since = await self._time_to_look()

    async def _time_to_look(self) -> float:
        """Waits for a nudge or the common moment; what was read after it is news."""
        clock = asyncio.get_running_loop().time
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY - clock() % LOOK_EVERY):
                await self.nudged.wait()
        await asyncio.sleep(SETTLES_WITHIN)
        self.nudged.clear()
        return max(self.nudged_at, clock() // LOOK_EVERY * LOOK_EVERY)


class UsageConsumer(Watcher):
    """Tells pages of what people use to look again: those who see everybody's of
    every request, the others of their own. And all of them now and then."""

    async def connect(self) -> None:
        sight = await in_database(sight_of)(self.scope["user"])
        if sight.person is None:
            await self.close()
            return
        await self.watch_groups(USAGE if sight.everybody else usage_of(sight.person))

    async def usage_changed(self, message: dict[str, Any]) -> None:
        await self.send("look")

    async def keep_up(self) -> None:
        while True:
            await asyncio.sleep(LOOK_ANYWAY_EVERY)
            await self.send("look")
