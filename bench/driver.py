"""Sends requests and keeps what comes back, with the moment at which it came.

Plain asyncio protocols, which only collect: what it all means is worked out
afterwards, outside of the time that is measured.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

LAST_CHUNK = b"\r\n0\r\n\r\n"
STAMP = re.compile(rb"@(\d{19})@")
ANSWER_SECONDS = 60


@dataclass(slots=True)
class Answer:
    sent_at: int
    """Nanoseconds of the monotonic clock, as all moments here."""
    arrivals: list[tuple[int, bytes]] = field(default_factory=list)

    @property
    def data(self) -> bytes:
        return b"".join(data for _, data in self.arrivals)

    @property
    def body(self) -> bytes:
        """Its chunks put together."""
        head, _, rest = self.data.partition(b"\r\n\r\n")
        if b"ransfer-" not in head:
            return rest
        pieces = []
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            end = int(size, 16)
            pieces.append(rest[:end])
            rest = rest[end + 2 :]
        return b"".join(pieces)

    @property
    def took(self) -> int:
        return self.arrivals[-1][0] - self.sent_at

    @property
    def first_byte(self) -> int:
        """Nanoseconds until the first byte of the body."""
        end = self.data.index(b"\r\n\r\n") + 4
        for at, data in self.arrivals:
            end -= len(data)
            if end < 0:
                return at - self.sent_at
        return self.took

    def delays(self) -> Iterator[int]:
        """Nanoseconds from the upstream's stamp on an event to its arrival."""
        data = self.data
        arrivals = iter(self.arrivals)
        position, at = 0, 0
        for stamp in STAMP.finditer(data):
            while position < stamp.end():
                at, arrived = next(arrivals)
                position += len(arrived)
            yield at - int(stamp[1])


class Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.left: int | None = None
        """Bytes of the answer; None: it is chunked, or its head is not there yet."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    async def ask(self, request: bytes) -> Answer:
        self.answer = Answer(time.monotonic_ns())
        self.left = None
        self.done = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        answer: Answer = await self.done
        return answer

    def data_received(self, data: bytes) -> None:
        answer = self.answer
        assert answer is not None
        if not answer.arrivals:
            self.left = _length(data)
        answer.arrivals.append((time.monotonic_ns(), data))
        if self.left is not None:
            self.left -= len(data)
            ended = self.left <= 0
        else:
            if len(data) < len(LAST_CHUNK):
                data = answer.data
            ended = data.endswith(LAST_CHUNK)
        if ended and not self.done.done():
            self.done.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        if self.answer is not None and not self.done.done():
            self.done.set_exception(error or ConnectionError("the connection ended"))


def _length(head: bytes) -> int | None:
    """Of the whole answer, if it is told. Heads come in one piece."""
    low = head.lower()
    at = low.find(b"content-length:")
    end = low.find(b"\r\n\r\n")
    if not 0 <= at < end:
        return None
    return end + 4 + int(low[at + 15 :].split(None, 1)[0])


class Connections:
    """To one port, opened when they are needed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.open: list[Connection] = []

    async def some(self, count: int) -> list[Connection]:
        loop = asyncio.get_running_loop()
        while len(self.open) < count:
            _, made = await loop.create_connection(Connection, "127.0.0.1", self._port)
            self.open.append(made)
        return self.open[:count]

    def close(self) -> None:
        for connection in self.open:
            connection.transport.close()


Request = Callable[[int], bytes]
"""The whole of it, by its number."""


async def by_time(
    port: int, request: Request, at_once: int, seconds: float
) -> list[Answer]:
    """So many connections, each asking again when it was answered."""
    answers: list[Answer] = []
    until = time.monotonic() + seconds
    numbers = iter(range(10**9))

    async def go_on(connection: Connection) -> None:
        while time.monotonic() < until:
            async with asyncio.timeout(ANSWER_SECONDS):
                answers.append(await connection.ask(request(next(numbers))))

    with closing(Connections(port)) as connections:
        opened = await connections.some(at_once)
        async with asyncio.TaskGroup() as asking:
            for connection in opened:
                asking.create_task(go_on(connection))
    return answers


async def all_at_once(
    port: int, request: Request, streams: int, ramp: float
) -> list[Answer]:
    """So many streams side by side, begun evenly within `ramp` seconds."""

    async def one(number: int) -> Answer:
        await asyncio.sleep(ramp * number / streams)
        connection = (await connections.some(number + 1))[number]
        return await connection.ask(request(number))

    with closing(Connections(port)) as connections:
        await connections.some(streams)
        async with asyncio.TaskGroup() as asking:
            tasks = [asking.create_task(one(number)) for number in range(streams)]
    return [task.result() for task in tasks]
