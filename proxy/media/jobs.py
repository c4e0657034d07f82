"""What the gateway and its media workers say to each other.

A message is a four-byte length, big-endian, and so many bytes of MessagePack.
The worker answers each job once, in order, and ends when its input ends.
"""

from __future__ import annotations

import struct
from typing import Literal, TypeAlias

import msgspec

# The base64 of the largest file that fits a request of 32 MiB, and a little.
MOST_JOB_BYTES = 33 * 2**20
MOST_ANSWER_BYTES = 4 * 2**20

LENGTH = struct.Struct(">I")


class ReadPdf(msgspec.Struct, frozen=True, tag="pdf"):
    data: str
    """Base64, as in the request."""


class ShrinkPicture(msgspec.Struct, frozen=True, tag="picture"):
    data: str


class PdfText(msgspec.Struct, frozen=True, tag="text"):
    text: str


class Picture(msgspec.Struct, frozen=True, tag="picture"):
    format: Literal["png", "jpeg"]
    data: str


class Unreadable(msgspec.Struct, frozen=True, tag="unreadable"):
    why: str
    """Completes "it could not be read: ..."; ours, nothing of the file's."""
    pages: int = 0
    """Of a PDF that got so far."""
    passing: bool = False
    """Another time it may go well."""


Job: TypeAlias = ReadPdf | ShrinkPicture
Answer: TypeAlias = PdfText | Picture | Unreadable


class FrameTooLarge(ValueError):
    pass


def frame(message: Job | Answer) -> bytes:
    body = msgspec.msgpack.encode(message)
    return LENGTH.pack(len(body)) + body


def body_length(prefix: bytes, most: int) -> int:
    (length,) = LENGTH.unpack(prefix)
    if length > most:
        raise FrameTooLarge(f"a message of {length} bytes, {most} at most")
    return int(length)
