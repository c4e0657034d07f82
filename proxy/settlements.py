"""How replies ended and what they taught, on the way to the database, off the path
of requests.

A bounded queue per process with one writer; drained when the process stops.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakKeyDictionary

from accounts import pool
from accounts.outcomes import Credential, Outcome
from clients import ratios

logger = logging.getLogger(__name__)

WAITING_MOST = 10_000


@dataclass(slots=True)
class _Writer:
    waiting: asyncio.Queue[Callable[[], Awaitable[None]]] = field(
        default_factory=lambda: asyncio.Queue(WAITING_MOST)
    )
    task: asyncio.Task[None] | None = None

    async def write(self) -> None:
        while True:
            write = await self.waiting.get()
            try:
                await write()
            except Exception:
                logger.exception("an outcome could not be written")
            finally:
                self.waiting.task_done()


_writers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Writer] = WeakKeyDictionary()


def book(credential: Credential, outcome: Outcome) -> None:
    """Hand over an outcome; never waits."""
    _hand_over(partial(pool.settle, credential, outcome))


def learn(model_id: str, counted: float) -> None:
    """Hand over what upstream counted for one estimated token; never waits."""
    _hand_over(partial(ratios.learn, model_id, counted))


def _hand_over(write: Callable[[], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    writer = _writers.setdefault(loop, _Writer())
    if writer.task is None:
        writer.task = loop.create_task(writer.write())
    try:
        writer.waiting.put_nowait(write)
    except asyncio.QueueFull:
        logger.error("dropped an outcome: %d are waiting to be written", WAITING_MOST)


async def close(seconds: float) -> None:
    """Write what is waiting, for so long at most, and stop the writer."""
    writer = _writers.pop(asyncio.get_running_loop(), None)
    if writer is None or writer.task is None:
        return
    try:
        await asyncio.wait_for(writer.waiting.join(), seconds)
    except TimeoutError:
        logger.error("%d outcomes could not be written", writer.waiting.qsize())
    writer.task.cancel()
