"""The AWS binary event stream: bytes in, frames out.

One frame, all integers big-endian:

    total length (4)  headers length (4)  CRC-32 of these eight bytes (4)
    headers           payload             CRC-32 of everything before it (4)

Rules: frames do not align with the chunks they arrive in. Lengths and the first
CRC are checked before the body is waited for, so that a broken length cannot
make us wait, or hold memory, for ever. A fault is raised at the same place of
the frame sequence however the bytes were cut: frames before it are handed out
first, and the next call raises. After a fault nothing is read any more.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from struct import error as StructError
from types import MappingProxyType
from typing import TypeAlias

MAX_FRAME = 16 * 1024 * 1024
"""Bytes. The service's clients cap a message at 10 to 16 MiB."""
MAX_HEADERS = 128 * 1024
"""Bytes; the format's own limit."""

HeaderValue: TypeAlias = bool | int | bytes | str | uuid.UUID

_PRELUDE = Struct(">III")
_CRC = Struct(">I")
_OVERHEAD = _PRELUDE.size + _CRC.size
_SHORT_LENGTH = Struct(">H")


class EventStreamError(Exception):
    """The bytes are not an event stream."""


class LengthOutOfBounds(EventStreamError):
    def __init__(self, what: str, length: int, limit: int) -> None:
        super().__init__(f"{what} of {length} bytes, the limit is {limit}")


class ChecksumMismatch(EventStreamError):
    def __init__(self, what: str, stated: int, computed: int) -> None:
        super().__init__(
            f"{what} checksum is {computed:#010x}, the stream says {stated:#010x}"
        )


class HeaderMalformed(EventStreamError):
    pass


class StreamCut(EventStreamError):
    def __init__(self, left: int) -> None:
        super().__init__(f"the stream ends inside a frame, {left} bytes are left over")


@dataclass(frozen=True, slots=True)
class Head:
    """What the headers of a frame say.

    `type` is the event type, the exception type or the error code, by
    `message_type`.
    """

    message_type: str
    type: str
    headers: Mapping[str, HeaderValue]


@dataclass(frozen=True, slots=True)
class Frame:
    head: Head
    payload: bytes


class EventStreamDecoder:
    def __init__(self) -> None:
        self._buffer = bytearray()
        self._fault: EventStreamError | None = None

    def feed(self, data: bytes) -> list[Frame]:
        """The frames completed by these bytes."""
        if self._fault is not None:
            raise self._fault
        self._buffer += data
        frames: list[Frame] = []
        start, size = 0, len(self._buffer)
        with memoryview(self._buffer) as view:
            try:
                while size - start >= _PRELUDE.size:
                    total, headers = _read_prelude(view, start)
                    if size - start < total:
                        break
                    frames.append(_read_frame(view, start, start + total, headers))
                    start += total
            except EventStreamError as fault:
                self._fault = fault
                if not frames:
                    raise
        del self._buffer[:start]
        return frames

    def close(self) -> None:
        """The body ended: raises if it ended inside a frame."""
        if self._fault is not None:
            raise self._fault
        if self._buffer:
            raise StreamCut(len(self._buffer))


def _read_prelude(view: memoryview, start: int) -> tuple[int, int]:
    """Total length and headers length, both within bounds."""
    total, headers, stated = _PRELUDE.unpack_from(view, start)
    computed = zlib.crc32(view[start : start + 8])
    if computed != stated:
        raise ChecksumMismatch("prelude", stated, computed)
    if not _OVERHEAD <= total <= MAX_FRAME:
        raise LengthOutOfBounds("frame", total, MAX_FRAME)
    if headers > total - _OVERHEAD or headers > MAX_HEADERS:
        raise LengthOutOfBounds(
            "header block", headers, min(total - _OVERHEAD, MAX_HEADERS)
        )
    return total, headers


def _read_frame(view: memoryview, start: int, end: int, headers: int) -> Frame:
    body_end = end - _CRC.size
    (stated,) = _CRC.unpack_from(view, body_end)
    computed = zlib.crc32(view[start:body_end])
    if computed != stated:
        raise ChecksumMismatch("frame", stated, computed)
    payload = start + _PRELUDE.size + headers
    head = _read_head(bytes(view[start + _PRELUDE.size : payload]))
    return Frame(head, bytes(view[payload:body_end]))


_TYPE_HEADERS = {
    "event": ":event-type",
    "exception": ":exception-type",
    "error": ":error-code",
}


@lru_cache(maxsize=64)  # a reply has a handful of header blocks, all its frames one
def _read_head(block: bytes) -> Head:
    headers = decode_headers(block)
    message_type = headers.get(":message-type")
    if not isinstance(message_type, str) or message_type not in _TYPE_HEADERS:
        raise HeaderMalformed("no :message-type that is known")
    kind = headers.get(_TYPE_HEADERS[message_type])
    if not isinstance(kind, str):
        raise HeaderMalformed(f"a frame without {_TYPE_HEADERS[message_type]}")
    return Head(message_type, kind, MappingProxyType(headers))


def decode_headers(block: bytes) -> dict[str, HeaderValue]:
    """Headers: name length (1), name, value type (1), value by its type."""
    headers: dict[str, HeaderValue] = {}
    position = 0
    try:
        while position < len(block):
            name_end = position + 1 + block[position]
            name = block[position + 1 : name_end].decode()
            if not name or name in headers:
                raise HeaderMalformed("a header name is empty or there twice")
            read = _VALUE_READERS[block[name_end]]
            headers[name], position = read(block, name_end + 1)
    except (IndexError, KeyError, StructError, UnicodeDecodeError) as error:
        raise HeaderMalformed("the header block does not parse") from error
    return headers


_Read: TypeAlias = Callable[[bytes, int], tuple[HeaderValue, int]]


def _constant(value: bool) -> _Read:
    return lambda block, start: (value, start)


def _integer(layout: Struct) -> _Read:
    def read(block: bytes, start: int) -> tuple[int, int]:
        return int(layout.unpack_from(block, start)[0]), start + layout.size

    return read


def _slice(block: bytes, start: int, length: int) -> tuple[bytes, int]:
    end = start + length
    if end > len(block):
        raise IndexError(end)
    return block[start:end], end


def _byte_array(block: bytes, start: int) -> tuple[bytes, int]:
    (length,) = _SHORT_LENGTH.unpack_from(block, start)
    return _slice(block, start + _SHORT_LENGTH.size, length)


def _string(block: bytes, start: int) -> tuple[str, int]:
    value, end = _byte_array(block, start)
    return value.decode(), end


def _uuid(block: bytes, start: int) -> tuple[uuid.UUID, int]:
    value, end = _slice(block, start, 16)
    return uuid.UUID(bytes=value), end


_VALUE_READERS: dict[int, _Read] = {
    0: _constant(True),
    1: _constant(False),
    2: _integer(Struct(">b")),
    3: _integer(Struct(">h")),
    4: _integer(Struct(">i")),
    5: _integer(Struct(">q")),
    6: _byte_array,
    7: _string,
    8: _integer(Struct(">q")),  # a timestamp: milliseconds since the epoch
    9: _uuid,
}
