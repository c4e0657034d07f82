"""The records of requests, on the way to the database, off the path of requests.

A bounded queue per process with one writer, which writes in batches: each in one
transaction with what the keys have used. While the database is away the records wait;
those for which there is no room are counted and lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from contextvars import Context
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from weakref import WeakKeyDictionary

from django.db import DataError, IntegrityError, transaction
from django.db import Error as DatabaseError

from clients import tallies
from clients.models import UsageRecord
from clients.signals import usage_written
from clients.tallies import Spent
from kiro2api import metrics
from kiro2api.database import in_database

logger = logging.getLogger(__name__)

WAITING_MOST = 20_000
BATCH = 500
LINGER_SECONDS = 0.5
RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Record:
    """One request that is over; the members are UsageRecord's."""

    at: datetime
    request_id: str
    key_id: int
    key_name: str
    owner_id: int
    owner_name: str
    session: str
    account_id: int
    account: str
    model: str
    dialect: str
    stream: bool
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    credits: Decimal
    estimated: bool
    status: int
    error: str
    failed: bool
    ttfb_ms: int | None
    duration_ms: int
    unhonoured: str

    @property
    def tokens(self) -> int:
        cached = self.cache_read_tokens + self.cache_write_tokens
        return self.input_tokens + cached + self.output_tokens


@dataclass(frozen=True, slots=True)
class _Waiting:
    record: Record
    reservation: int | None

    @property
    def spent(self) -> Spent | None:
        """None: the request has cost its key nothing."""
        record = self.record
        is_free = self.reservation is None and not (record.tokens or record.credits)
        if not record.key_id or is_free:
            return None
        return Spent(
            record.key_id, record.at, record.tokens, record.credits, self.reservation
        )


class _Writer:
    def __init__(self) -> None:
        self.waiting: deque[_Waiting] = deque()
        self._dropped = 0
        self._careful = 0
        """So many are to be written one by one: one of them is at fault."""
        self._is_away = False
        self._is_closing = False
        self._something = asyncio.Event()
        self._at_once = asyncio.Event()
        self._all_written = asyncio.Event()
        # It works for every request, not for the one that came first.
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._run(), context=Context())

    def put(self, waiting: _Waiting) -> None:
        if len(self.waiting) >= WAITING_MOST:
            if not self._dropped:
                logger.error("usage records are lost: %d wait already", WAITING_MOST)
            self._dropped += 1
            metrics.count("kiro2api_records_dropped_total")
            return
        self.waiting.append(waiting)
        self._something.set()
        # What is reserved stands in the way of others.
        if waiting.reservation is not None or len(self.waiting) >= BATCH:
            self._at_once.set()

    async def close(self, seconds: float) -> None:
        self._is_closing = True
        self._at_once.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.waiting:
                    self._all_written.clear()
                    await self._all_written.wait()
        self._task.cancel()
        self._dropped += len(self.waiting)
        if self.waiting:
            metrics.count("kiro2api_records_dropped_total", by=len(self.waiting))
        self._tell_dropped()

    async def _run(self) -> None:
        while True:
            await self._something.wait()
            if not self._is_closing:
                with suppress(TimeoutError):  # more may come, to be written with it
                    async with asyncio.timeout(LINGER_SECONDS):
                        await self._at_once.wait()
            self._something.clear()
            self._at_once.clear()
            while self.waiting:
                await self._write_next()
            self._all_written.set()

    async def _write_next(self) -> None:
        batch = list(islice(self.waiting, 1 if self._careful else BATCH))
        try:
            await in_database(_write)(batch)
        except (DataError, IntegrityError) as error:
            if len(batch) > 1:
                self._careful = len(batch)
                return
            logger.error("a usage record is lost: %s", type(error).__name__)
            metrics.count("kiro2api_records_dropped_total")
        except DatabaseError as error:
            if not self._is_away:
                logger.error("usage records have to wait: %s", type(error).__name__)
            self._is_away = True
            await asyncio.sleep(RETRY_SECONDS)
            return
        for _ in batch:
            self.waiting.popleft()
        self._careful = max(self._careful - len(batch), 0)
        self._is_away = False
        self._tell_dropped()
        owners = {waiting.record.owner_id for waiting in batch}
        await usage_written.asend_robust(None, owners=owners)

    def _tell_dropped(self) -> None:
        if self._dropped:
            logger.error("%d usage records were lost", self._dropped)
            self._dropped = 0


_writers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Writer] = WeakKeyDictionary()


def book(record: Record, reservation: int | None = None) -> None:
    """Hand over the record of a request that is over; never waits. With it what the
    request had reserved is settled."""
    loop = asyncio.get_running_loop()
    if loop not in _writers:
        _writers[loop] = _Writer()
    _writers[loop].put(_Waiting(record, reservation))


async def close(seconds: float) -> None:
    """Write what is waiting, for so long at most, and stop the writer."""
    if writer := _writers.pop(asyncio.get_running_loop(), None):
        await writer.close(seconds)


def _write(batch: list[_Waiting]) -> None:
    rows = [UsageRecord(**asdict(waiting.record)) for waiting in batch]
    with transaction.atomic():
        UsageRecord.objects.bulk_create(rows)
        tallies.settle(spent for waiting in batch if (spent := waiting.spent))
