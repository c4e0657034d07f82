"""The task that reads upstream's reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from proxy.errors import StreamBroken
from proxy.messages import Event, PartDelta
from proxy.pump import BACKLOG, Batch, Pump

# Long enough to never run out where something is to come.
PATIENCE = 10.0
AT_ONCE = 0.0


class Source:
    """A reply that a test writes while it is read."""

    def __init__(self, *coming: Batch | Exception | None) -> None:
        self.sent = 0
        self.cleaning = asyncio.Event()
        self.may_clean = asyncio.Event()
        self.may_clean.set()
        self.clean = asyncio.Event()
        self._coming: asyncio.Queue[Batch | Exception | None] = asyncio.Queue()
        for batch in coming:
            self.send(batch)

    def send(self, batch: Batch | Exception | None) -> None:
        """None ends it."""
        self._coming.put_nowait(batch)

    async def read(self) -> AsyncGenerator[Batch, None]:
        try:
            while (coming := await self._coming.get()) is not None:
                if isinstance(coming, Exception):
                    raise coming
                self.sent += 1
                yield coming
        finally:
            self.cleaning.set()
            await self.may_clean.wait()
            self.clean.set()


def delta(number: int) -> list[Event]:
    return [PartDelta(0, str(number))]


async def read_until(pump: Pump, count: int) -> list[Event]:
    events: list[Event] = []
    while len(events) < count:
        assert await pump.wait(PATIENCE)
        events += pump.take() or []
    return events


async def test_it_gives_what_was_read_in_order_and_then_the_end():
    source = Source(delta(1), delta(2), delta(3), None)
    pump = Pump(source.read())
    assert await read_until(pump, 3) == [*delta(1), *delta(2), *delta(3)]
    await source.clean.wait()
    assert await pump.wait(AT_ONCE)
    assert pump.take() is None
    await pump.close()


async def test_it_waits_no_longer_than_it_is_told():
    source = Source()
    pump = Pump(source.read())
    assert not await pump.wait(AT_ONCE)
    assert pump.take() == []
    source.send(delta(1))
    assert await pump.wait(PATIENCE)
    assert pump.take() == delta(1)
    await pump.close()


async def test_a_wait_that_is_cancelled_loses_nothing():
    source = Source()
    pump = Pump(source.read())
    waiting = asyncio.create_task(pump.wait(PATIENCE))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    source.send(delta(1))
    assert await pump.wait(PATIENCE)
    assert pump.take() == delta(1)
    await pump.close()


async def test_a_failure_comes_after_the_content_before_it():
    failure = StreamBroken("cut")
    source = Source(delta(1), failure)
    pump = Pump(source.read())
    await source.clean.wait()
    pump.raise_if_failed()
    assert pump.take() == delta(1)
    assert await pump.wait(AT_ONCE)
    with pytest.raises(StreamBroken) as raised:
        pump.take()
    assert raised.value is failure
    await pump.close()


async def test_a_failure_before_any_content_can_be_asked_for():
    source = Source(StreamBroken("refused"))
    pump = Pump(source.read())
    assert await pump.wait(PATIENCE)
    with pytest.raises(StreamBroken):
        pump.raise_if_failed()
    await pump.close()


async def test_it_reads_only_so_far_ahead():
    source = Source(*[delta(number) for number in range(3 * BACKLOG)], None)
    pump = Pump(source.read())
    for _ in range(10 * BACKLOG):
        await asyncio.sleep(0)
    assert source.sent == BACKLOG
    assert len(await read_until(pump, 3 * BACKLOG)) == 3 * BACKLOG
    await pump.close()


async def test_it_can_be_iterated():
    source = Source(delta(1), delta(2), None)
    pump = Pump(source.read())
    events = [event async for batch in pump for event in batch]
    assert events == [*delta(1), *delta(2)]
    await pump.close()


async def test_closing_ends_the_source():
    source = Source(delta(1))
    pump = Pump(source.read())
    assert await pump.wait(PATIENCE)
    await pump.close()
    assert source.clean.is_set()


async def test_closing_ends_a_source_that_waits_for_room():
    source = Source(*[delta(number) for number in range(2 * BACKLOG)])
    pump = Pump(source.read())
    assert await pump.wait(PATIENCE)
    await pump.close()
    assert source.clean.is_set()


async def test_the_source_cleans_up_even_if_closing_is_cancelled():
    source = Source(delta(1))
    source.may_clean.clear()
    pump = Pump(source.read())
    assert await pump.wait(PATIENCE)
    closing = asyncio.create_task(pump.close())
    await source.cleaning.wait()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    closing_again = asyncio.create_task(pump.close())
    await asyncio.sleep(0)
    assert not source.clean.is_set()
    source.may_clean.set()
    await closing_again
    assert source.clean.is_set()


async def test_closing_wakes_whoever_waits():
    source = Source()
    pump = Pump(source.read())
    waiting = asyncio.create_task(pump.wait(PATIENCE))
    await asyncio.sleep(0)
    await pump.close()
    assert await waiting
