"""Tells the live pages of every process that the pool has changed: look again."""

from __future__ import annotations

import asyncio
import logging
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from django.dispatch import receiver

from accounts.signals import pool_changed
from dashboard.consumers import GROUP, PUSH_AT_MOST_EVERY

logger = logging.getLogger(__name__)

# A channel layer that hangs must not hold up whoever changed the pool.
TELL_WITHIN = 2.0

# Loops that told less than a second ago, and whether there is news since.
_told: WeakKeyDictionary[asyncio.AbstractEventLoop, bool] = WeakKeyDictionary()
_telling: set[asyncio.Task[None]] = set()


@receiver(pool_changed)
async def tell(sender: object = None, **kwargs: object) -> None:
    loop = asyncio.get_running_loop()
    if loop in _told:
        _told[loop] = True
        return
    _told[loop] = False
    loop.call_later(PUSH_AT_MOST_EVERY, _tell_what_came_since, loop)
    try:
        async with asyncio.timeout(TELL_WITHIN):
            await get_channel_layer().group_send(GROUP, {"type": "pool.changed"})
    except Exception as error:
        # Best effort, whatever the layer raises: every page looks by itself, too.
        logger.warning("live pages were not told of a change: %s", type(error).__name__)


def _tell_what_came_since(loop: asyncio.AbstractEventLoop) -> None:
    if _told.pop(loop):
        task = loop.create_task(tell())
        _telling.add(task)
        task.add_done_callback(_telling.discard)
