"""The live page: look again when nudged, and now and then anyway; push what changed."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from dashboard.snapshot import snapshot
from dashboard.status import PoolStatus

logger = logging.getLogger(__name__)

GROUP = "pool"

# Nudges are lost where processes share no channel layer. The looks of all watchers
# fall on the same moments, so that one read serves them all.
LOOK_EVERY = 5.0
PUSH_AT_MOST_EVERY = 1.0
# After a nudge, until every watcher has heard it; what is read after that serves all.
SETTLES_WITHIN = 0.1

# Codes the page's script takes for "connect again".
TRY_AGAIN = 1013
SERVICE_RESTART = 1012


class PoolConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    # So often somebody who watches has to show that they still may.
    life = 600.0

    watching: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.nudged = asyncio.Event()
        self.nudged_at = 0.0
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.watching:
                self.watching.cancel()

    async def connect(self) -> None:
        self.language = self.scope["url_route"]["kwargs"]["language"]
        self.detailed = self.scope["user"].is_authenticated
        if self.language not in dict(settings.LANGUAGES) or (
            settings.DASHBOARD_LOGIN_REQUIRED and not self.detailed
        ):
            await self.close()
            return
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()
        self.watching = asyncio.create_task(self._watch())

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def dispatch(self, message: dict[str, Any]) -> None:
        # Without the parent's clean-up of database connections: it costs a thread
        # for every message, and nothing here opens one.
        await getattr(self, get_handler_name(message))(message)

    async def pool_changed(self, message: dict[str, Any]) -> None:
        self.nudged_at = asyncio.get_running_loop().time()
        self.nudged.set()

    async def _watch(self) -> None:
        try:
            async with asyncio.timeout(self.life):
                await self._push_changes()
        except TimeoutError:
            await self.close(SERVICE_RESTART)
        except Exception:
            # Whatever it is, a page that is no longer watched must not look live.
            logger.exception("a live page has lost sight of the pool")
            await self.close(TRY_AGAIN)

    async def _push_changes(self) -> None:
        pushed: PoolStatus | None = None
        since = asyncio.get_running_loop().time()
        while True:
            pool = await snapshot().read(since)
            if pool != pushed:
                await self.send(snapshot().fragment(self.language, self.detailed))
                pushed = pool
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
