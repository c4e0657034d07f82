"""Runs an upstream reply a little ahead of whoever reads it.

One task per reply does the reading, so that a reader can wait with a time-out
(for a ping, for the first event) without disturbing the read under way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing

from proxy.messages import Event

Batch = Sequence[Event]

# Batches read ahead of a client that does not keep up.
BACKLOG = 64


class Pump:
    def __init__(self, source: AsyncGenerator[Batch, None]) -> None:
        """Starts reading at once. Must be closed by whoever made it."""
        self._loop = asyncio.get_running_loop()
        self._backlog: deque[Batch] = deque()
        self._ended = False
        self._failure: BaseException | None = None
        self._reader: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._closing = False
        self._task = self._loop.create_task(self._read(source))

    async def wait(self, seconds: float) -> bool:
        """Wait for something to read, or the end; False if the time ran out."""
        if self._backlog or self._ended:
            return True
        reader = self._reader = self._loop.create_future()
        timer = self._loop.call_later(seconds, _wake, reader)
        try:
            await reader
        finally:
            timer.cancel()
            self._reader = None
        return bool(self._backlog) or self._ended

    def take(self) -> list[Event] | None:
        """All events read so far; None at the end. Raises what ended the source,
        after everything before it was taken."""
        if self._backlog:
            events = [event for batch in self._backlog for event in batch]
            self._backlog.clear()
            if self._room:
                _wake(self._room)
            return events
        self.raise_if_failed()
        return None if self._ended else []

    def raise_if_failed(self) -> None:
        if self._failure and not self._backlog:
            raise self._failure

    def when_ended(self, call: Callable[[], None]) -> None:
        """Call it once the source has ended and cleaned up, whatever ended it."""
        self._task.add_done_callback(lambda task: call())

    def abandon(self) -> None:
        """Stop reading, without waiting for the source to clean up."""
        self._task.cancel()

    async def close(self) -> None:
        """Stop reading, and wait until the source has cleaned up. It does so even
        if we are cancelled meanwhile: a disconnecting client can cancel twice."""
        if not self._closing:
            self._closing = True
            self._task.cancel()
        await asyncio.wait((self._task,))

    async def __aiter__(self) -> AsyncIterator[Batch]:
        while True:
            await self.wait(3600)
            events = self.take()
            if events is None:
                return
            yield events

    async def _read(self, source: AsyncGenerator[Batch, None]) -> None:
        try:
            async with aclosing(source):
                async for batch in source:
                    self._backlog.append(batch)
                    if self._reader:
                        _wake(self._reader)
                    if len(self._backlog) >= BACKLOG:
                        self._room = self._loop.create_future()
                        await self._room
        except Exception as failure:
            self._failure = failure
        finally:
            self._ended = True
            if self._reader:
                _wake(self._reader)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
