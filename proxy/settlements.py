"""How replies ended and what they taught, on the way to the database, off the path
of requests.

A bounded queue per process with one writer, which waits while the database is away;
drained when the process stops, as the records of requests are.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakKeyDictionary

from django.db import InterfaceError, OperationalError

from accounts import pool
from accounts.outcomes import Credential, Outcome
from clients import costs, ratios, records

logger = logging.getLogger(__name__)

WAITING_MOST = 10_000
RETRY_SECONDS = 1.0


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
                await self._until_written(write)
            except Exception:
                logger.exception("an outcome could not be written")
            finally:
                self.waiting.task_done()

    async def _until_written(self, write: Callable[[], Awaitable[None]]) -> None:
        """While the database is away, it waits, and all behind it."""
        is_away = False
        while True:
            try:
                return await write()
            except (OperationalError, InterfaceError) as error:
                if not is_away:
                    logger.error("outcomes have to wait: %s", type(error).__name__)
                is_away = True
            await asyncio.sleep(RETRY_SECONDS)


_writers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Writer] = WeakKeyDictionary()


def book(credential: Credential, outcome: Outcome) -> None:
    """Hand over an outcome; never waits."""
    _hand_over(partial(pool.settle, credential, outcome))


def learn(model_id: str, counted: float) -> None:
    """Hand over what upstream counted for one estimated token; never waits."""
    _hand_over(partial(ratios.learn, model_id, counted))


def learn_cost(
    model_id: str, input_tokens: int, output_tokens: int, credits: float
) -> None:
    """Hand over what a reply cost; `input_tokens` are estimated. Never waits."""
    _hand_over(partial(costs.learn, model_id, input_tokens, output_tokens, credits))


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
    """Write what is waiting, for so long at most, and stop the writers."""
    await asyncio.gather(_close(seconds), records.close(seconds))


async def _close(seconds: float) -> None:
    writer = _writers.pop(asyncio.get_running_loop(), None)
    if writer is None or writer.task is None:
        return
    try:
        await asyncio.wait_for(writer.waiting.join(), seconds)
    except TimeoutError:
        logger.error("%d outcomes could not be written", writer.waiting.qsize())
    writer.task.cancel()
