"""Writes frames of the AWS event stream, for tests; the gateway only reads them."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import msgspec

from proxy.codewhisperer.eventstream import Frame, Head


def header(name: str, value_type: int, value: bytes) -> bytes:
    return struct.pack(">B", len(name)) + name.encode() + bytes([value_type]) + value


def string_header(name: str, value: str) -> bytes:
    data = value.encode()
    return header(name, 7, struct.pack(">H", len(data)) + data)


def encode_frame(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))


def event_bytes(event_type: str, payload: bytes) -> bytes:
    headers = (
        string_header(":event-type", event_type)
        + string_header(":content-type", "application/json")
        + string_header(":message-type", "event")
    )
    return encode_frame(headers, payload)


def event_frame(event_type: str, payload: Any) -> Frame:
    """A frame as the event stream's decoder hands it on."""
    return Frame(Head("event", event_type, {}), msgspec.json.encode(payload))


def exception_frame(exception_type: str, payload: Any) -> Frame:
    return Frame(Head("exception", exception_type, {}), msgspec.json.encode(payload))
