"""How replies ended and what they taught, on the way to the database, off the path
of requests.

A bounded queue per process with one writer, which waits while the database is away;
drained when the process stops, as the records of requests are. What nobody needs to
know at once is gathered for half a second: one statement then for each account, and
for each model.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias
from weakref import WeakKeyDictionary

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from accounts import pool
from accounts.outcomes import Credential, Outcome
from accounts.uses import Uses, only_counted
from clients import costs, ratios, records
from clients.costs import Rate

logger = logging.getLogger(__name__)

Write: TypeAlias = Callable[[], Awaitable[None]]

WAITING_MOST = 10_000
RETRY_SECONDS = 1.0
GATHER_SECONDS = 0.5
# Of one model, in that time: so many tell as much as more would.
REPLIES_MOST = 1_000


@dataclass(frozen=True, slots=True)
class _Gathered:
    uses: dict[int, Uses] = field(default_factory=dict)
    rates: dict[str, list[Rate]] = field(default_factory=dict)
    counted: dict[str, list[float]] = field(default_factory=dict)

    def writes(self) -> Iterator[Write]:
        if self.uses:
            yield partial(pool.count, self.uses)
        for model_id, rates in self.rates.items():
            yield partial(costs.learn, model_id, *rates)
        for model_id, counted in self.counted.items():
            yield partial(ratios.learn, model_id, *counted)


class _Writer:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[tuple[Write, Context]] = asyncio.Queue(
            WAITING_MOST
        )
        self._gathered = _Gathered()
        self._soon: asyncio.TimerHandle | None = None
        self._task = self._loop.create_task(self._run(), context=Context())

    def put(self, write: Write, context: Context) -> None:
        try:
            self._waiting.put_nowait((write, context))
        except asyncio.QueueFull:
            logger.error("dropped an outcome: %d wait already", WAITING_MOST)

    def gathered(self) -> _Gathered:
        """To add to: it will be written soon."""
        if self._soon is None:
            self._soon = self._loop.call_later(
                GATHER_SECONDS, self._put_gathered, context=Context()
            )
        return self._gathered

    def _put_gathered(self) -> None:
        """It is of many requests, and so in the context of none."""
        gathered, self._gathered, self._soon = self._gathered, _Gathered(), None
        for write in gathered.writes():
            self.put(write, Context())

    async def close(self, seconds: float) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._put_gathered()
        try:
            await asyncio.wait_for(self._waiting.join(), seconds)
        except TimeoutError:
            logger.error("%d outcomes could not be written", self._waiting.qsize())
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            write, context = await self._waiting.get()
            try:
                # In the context of the request that it is about.
                await asyncio.create_task(_until_written(write), context=context)
            finally:
                self._waiting.task_done()


async def _until_written(write: Write) -> None:
    """While the database is away, it waits, and all behind it."""
    is_away = False
    while True:
        try:
            return await write()
        except (OperationalError, InterfaceError) as error:
            if not is_away:
                logger.error("outcomes have to wait: %s", type(error).__name__)
            is_away = True
        except Exception:
            return logger.exception("an outcome could not be written")
        await asyncio.sleep(RETRY_SECONDS)


_writers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Writer] = WeakKeyDictionary()


def book(credential: Credential, outcome: Outcome) -> None:
    """Hand over an outcome; never waits."""
    uses = only_counted(credential, outcome, timezone.now())
    if uses is None:
        _writer().put(partial(pool.write, credential, outcome), copy_context())
        return
    gathered = _writer().gathered().uses
    before = gathered.get(credential.account_id)
    gathered[credential.account_id] = before + uses if before else uses


def learn(model_id: str, counted: float) -> None:
    """Hand over what upstream counted for one estimated token; never waits."""
    told = _writer().gathered().counted.setdefault(model_id, [])
    if len(told) < REPLIES_MOST:
        told.append(counted)


def learn_cost(model_id: str, told: Rate) -> None:
    """Hand over what a reply told of its model's costs; never waits."""
    rates = _writer().gathered().rates.setdefault(model_id, [])
    if len(rates) < REPLIES_MOST:
        rates.append(told)


def _writer() -> _Writer:
    loop = asyncio.get_running_loop()
    if loop not in _writers:
        _writers[loop] = _Writer()
    return _writers[loop]


async def close(seconds: float) -> None:
    """Write what is waiting, for so long at most, and stop the writers."""
    await asyncio.gather(_close(seconds), records.close(seconds))


async def _close(seconds: float) -> None:
    if writer := _writers.pop(asyncio.get_running_loop(), None):
        await writer.close(seconds)
