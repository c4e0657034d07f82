"""Tells the live pages of every process that there is news: look again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from django.dispatch import receiver

from accounts.signals import pool_changed
from clients.signals import usage_written
from dashboard.consumers import POOL, PUSH_AT_MOST_EVERY, USAGE, usage_of

logger = logging.getLogger(__name__)

# A channel layer that hangs must not hold up whoever has the news.
TELL_WITHIN = 2.0

# Groups that each loop told less than a second ago, and whether there is news since.
_told: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, bool]] = (
    WeakKeyDictionary()
)
_telling: set[asyncio.Task[None]] = set()


@receiver(pool_changed)
async def tell(sender: object = None, **kwargs: object) -> None:
    await _tell(POOL, "pool.changed")


@receiver(usage_written)
async def tell_of_use(
    sender: object = None, *, owners: Collection[int], **kwargs: object
) -> None:
    for group in (USAGE, *(usage_of(owner) for owner in owners if owner)):
        await _tell(group, "usage.changed")


async def _tell(group: str, news: str) -> None:
    loop = asyncio.get_running_loop()
    told = _told.setdefault(loop, {})
    if group in told:
        told[group] = True
        return
    told[group] = False
    loop.call_later(PUSH_AT_MOST_EVERY, _tell_what_came_since, loop, group, news)
    try:
        async with asyncio.timeout(TELL_WITHIN):
            await get_channel_layer().group_send(group, {"type": news})
    except Exception as error:
        # Best effort, whatever the layer raises: every page looks by itself, too.
        logger.warning("live pages were not told of news: %s", type(error).__name__)


def _tell_what_came_since(
    loop: asyncio.AbstractEventLoop, group: str, news: str
) -> None:
    if _told[loop].pop(group):
        task = loop.create_task(_tell(group, news))
        _telling.add(task)
        task.add_done_callback(_telling.discard)
