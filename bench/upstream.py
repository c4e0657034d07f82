"""The upstream, so cheap that it disappears: `python -m bench.upstream`.

Knows one script at a time, which `PUT /script` sets, and answers every POST with it,
whatever was asked. Bytes are made beforehand and written by a plain asyncio protocol.
Paced events carry the moment at which they were written, for the reader to compare:
both read the machine's one monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Literal
from zlib import crc32

from simulator import eventstream

STAMP = b"@%019d@"
PAYLOAD_TEXT = "what the model says in one of its events, as long as the others " * 2
EVENTS_A_WRITE = 10
"""Back to back: as they arrive together from a service that is ahead of us."""

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
END = b"0\r\n\r\n"
DONE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
FAILURE = (
    b"HTTP/1.1 500 Failed\r\nContent-Type: application/json\r\n"
    b'Content-Length: 37\r\n\r\n{"__type":"InternalServerException"}\n'
)


@dataclass(frozen=True, slots=True)
class Script:
    events: int = 20
    pace: float = 0.0
    """Seconds between two events; 0: back to back."""
    kind: Literal["text", "tool"] = "text"
    failing: str = ""
    """The access token that gets a 500."""

    @property
    def texts(self) -> int:
        """Of a tool use, half of the events say first what it is for."""
        return self.events // 2 if self.kind == "tool" else self.events

    def as_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _text(stamp: int) -> bytes:
    content = (STAMP % stamp).decode() + PAYLOAD_TEXT
    return eventstream.event("assistantResponseEvent", {"content": content})


def _tool_use(pieces: int) -> list[bytes]:
    call = {"name": "tool_0", "toolUseId": "tooluse_0000000000000000"}
    text = json.dumps({"field_0": "@" * 20 * pieces})
    size = -(-len(text) // pieces)
    inputs = [text[at : at + size] for at in range(0, len(text), size)]
    return [
        eventstream.event("toolUseEvent", call),
        *(eventstream.event("toolUseEvent", call | {"input": i}) for i in inputs),
        eventstream.event("toolUseEvent", call | {"stop": True}),
    ]


TAIL = b"".join(
    (
        eventstream.event(
            "metadataEvent",
            {"tokenUsage": {"uncachedInputTokens": 100, "outputTokens": 500}},
        ),
        eventstream.event("contextUsageEvent", {"contextUsagePercentage": 0.3}),
        eventstream.event(
            "meteringEvent",
            {"unit": "credit", "unitPlural": "credits", "usage": 0.01},
        ),
    )
)


@lru_cache
def _prebuilt(script: Script) -> list[bytes]:
    """The writes of a reply back to back."""
    frames = [_text(0)] * script.texts
    if script.kind == "tool":
        frames += _tool_use(script.events - script.texts - 2)
    groups = range(0, len(frames), EVENTS_A_WRITE)
    writes = [b"".join(map(_chunk, frames[at : at + EVENTS_A_WRITE])) for at in groups]
    return [HEAD + writes[0], *writes[1:-1], writes[-1] + _chunk(TAIL) + END]


_FRAME = _text(0)
_AT = _FRAME.index(b"@")
_BEFORE, _AFTER = _FRAME[:_AT], _FRAME[_AT + len(STAMP % 0) : -4]
_BEFORE_CRC = crc32(_BEFORE)
_CHUNK_HEAD = b"%x\r\n" % len(_FRAME)


def _stamped() -> bytes:
    """One text event, written now, as a chunk."""
    rest = STAMP % time.monotonic_ns() + _AFTER
    crc = crc32(rest, _BEFORE_CRC)
    return b"%b%b%b%b\r\n" % (_CHUNK_HEAD, _BEFORE, rest, crc.to_bytes(4, "big"))


class Upstream(asyncio.Protocol):
    script = Script()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.head = b""
        self.body = b""
        self.body_left = 0
        self.timer: asyncio.TimerHandle | None = None

    def connection_lost(self, error: Exception | None) -> None:
        if self.timer:
            self.timer.cancel()

    def data_received(self, data: bytes) -> None:
        if self.body_left:
            self._body(data)
            return
        head, end, body = (self.head + data).partition(b"\r\n\r\n")
        if not end:
            self.head = head
            return
        self.head, self.body = head, b""
        low = head.lower()
        at = low.find(b"content-length:")
        self.body_left = int(low[at + 15 :].split(None, 1)[0]) if at >= 0 else 0
        self._body(body)

    def _body(self, data: bytes) -> None:
        self.body_left -= len(data)
        if self.head.startswith(b"PUT"):
            self.body += data
        if not self.body_left:
            head, self.head = self.head, b""
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        script = Upstream.script
        if head.startswith(b"PUT"):
            Upstream.script = Script(**json.loads(self.body))
            self.transport.write(DONE)
        elif script.failing and script.failing.encode() in head:
            self.transport.write(FAILURE)
        elif script.pace:
            self.transport.write(HEAD)
            first = random.uniform(0, script.pace)
            self._later(asyncio.get_running_loop().time() + first, script, 0)
        else:
            for data in _prebuilt(script):
                self.transport.write(data)

    def _later(self, when: float, script: Script, event: int) -> None:
        loop = asyncio.get_running_loop()
        self.timer = loop.call_at(when, self._next, when, script, event)

    def _next(self, when: float, script: Script, event: int) -> None:
        if event < script.events:
            self.transport.write(_stamped())
            self._later(when + script.pace, script, event + 1)
        else:
            self.transport.write(_chunk(TAIL) + END)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(Upstream, "127.0.0.1", 0, backlog=1024)
    print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
