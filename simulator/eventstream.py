"""Frames of `application/vnd.amazon.eventstream`, the writing half.

All integers are big-endian. One frame is

    total length (4) | headers length (4) | CRC-32 of these eight bytes (4)
    headers | payload | CRC-32 of everything before it (4)

and a header is: name length (1), name, value type (1), value length (2), value.
The service sends string values (type 7) only. The keys of its JSON payloads stand in
alphabetical order; readers that look for bytes rather than frames depend on it.
"""

import json
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal
from zlib import crc32

STRING = 7
PRELUDE = 12
CHECKSUM = 4

Part = Literal["prelude", "message"]


def encode_payload(value: Mapping[str, Any]) -> bytes:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def encode_frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    return _frame(_header_block(tuple(headers.items())), payload)


def event(event_type: str, payload: Mapping[str, Any]) -> bytes:
    headers = (
        (":event-type", event_type),
        (":content-type", "application/json"),
        (":message-type", "event"),
    )
    return _frame(_header_block(headers), encode_payload(payload))


def exception(exception_type: str, payload: Mapping[str, Any]) -> bytes:
    headers = (
        (":exception-type", exception_type),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    )
    return _frame(_header_block(headers), encode_payload(payload))


def error(code: str, message: str) -> bytes:
    """An unmodelled fault: it has no payload, all is in the headers."""
    headers = (
        (":error-code", code),
        (":error-message", message),
        (":message-type", "error"),
    )
    return _frame(_header_block(headers), b"")


def corrupt(frame: bytes, part: Part) -> bytes:
    """The same frame with one bit of a checksum turned."""
    at = 8 if part == "prelude" else len(frame) - CHECKSUM
    return frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]


@lru_cache(maxsize=256)
def _header_block(headers: tuple[tuple[str, str], ...]) -> bytes:
    block = bytearray()
    for name, value in headers:
        raw_name, raw_value = name.encode(), value.encode()
        block += struct.pack(">B", len(raw_name)) + raw_name
        block += struct.pack(">BH", STRING, len(raw_value)) + raw_value
    return bytes(block)


def _frame(headers: bytes, payload: bytes) -> bytes:
    total = PRELUDE + len(headers) + len(payload) + CHECKSUM
    prelude = struct.pack(">II", total, len(headers))
    body = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return body + struct.pack(">I", crc32(body))
