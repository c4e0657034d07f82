"""Pictures as clients send them: what they really are, whatever the label says.

Formats and sizes are read from the first bytes; a picture repeats in every
request of its conversation, and decoding it whole each time is not worth it.
"""

from __future__ import annotations

import base64
import binascii
import struct

from proxy.messages import Image, ImageFormat

# The service takes 10,000,000 bytes since 2026 and took 2,800,000 before; the
# smaller figure holds on every host, and a model sees no more of a picture.
MOST_BYTES = 2_800_000
MOST_SIDE = 8000

# Enough base64 to hold every signature below.
HEAD = 32

DATA_URL = "data:"

_STANDARD = str.maketrans("-_", "+/")

# Start-of-frame markers: all of C0 to CF but for the tables in between.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Without a length behind them: TEM, RST0 to RST7, SOI.
_JPEG_BARE = frozenset((0x01, *range(0xD0, 0xD9)))
_JPEG_MOST_SEGMENTS = 500


def format_of(head: bytes) -> ImageFormat | None:
    """By the first bytes."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return None


def image_from_base64(data: str) -> Image | None:
    """None if it is not base64 of a kind of picture that upstream takes."""
    if any(space in data for space in "\r\n "):
        data = "".join(data.split())
    if "-" in data or "_" in data:
        data = data.translate(_STANDARD)
    if not data.isascii():
        return None
    if len(data) % 4:
        data += "=" * (-len(data) % 4)
    found = format_of(_read(data, 0, HEAD))
    return Image(found, data) if found else None


def image_from_data_url(url: str) -> Image | None:
    """`data:image/png;base64,....`"""
    if not url.startswith(DATA_URL) or ";base64," not in url[:100]:
        return None
    return image_from_base64(url.split(";base64,", 1)[1])


def fits(image: Image) -> bool:
    """Whether upstream takes it as it is: rightly labelled, and not too large."""
    return (
        byte_count(image.data) <= MOST_BYTES
        and format_of(_read(image.data, 0, HEAD)) == image.format
        and (found := sides(image)) is not None
        and max(found) <= MOST_SIDE
    )


def byte_count(data: str) -> int:
    """Of well-formed base64."""
    return len(data) // 4 * 3 - data.count("=", -2)


def sides(image: Image) -> tuple[int, int] | None:
    """Width and height in pixels; None where the picture's head is damaged."""
    try:
        match image.format:
            case "png":
                width, height = struct.unpack(">II", _read(image.data, 16, 8))
            case "gif":
                width, height = struct.unpack("<HH", _read(image.data, 6, 4))
            case "jpeg":
                width, height = _jpeg_sides(image.data)
            case "webp":
                width, height = _webp_sides(_read(image.data, 0, 30))
    except (struct.error, IndexError):
        return None
    return (width, height) if width and height else None


def _jpeg_sides(data: str) -> tuple[int, int]:
    """Along the segments (colour profiles, previews) to the frame's header."""
    at = 2
    for _ in range(_JPEG_MOST_SEGMENTS):
        filling, marker, length = struct.unpack(">BBH", _read(data, at, 4))
        if filling != 0xFF:
            break
        if marker == 0xFF:
            at += 1
        elif marker in _JPEG_BARE:
            at += 2
        elif marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", _read(data, at + 5, 4))
            return width, height
        else:
            at += 2 + length
    return 0, 0


def _webp_sides(head: bytes) -> tuple[int, int]:
    match head[12:16]:
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", head, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", head, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X" if len(head) == 30:
            width = int.from_bytes(head[24:27], "little") + 1
            height = int.from_bytes(head[27:30], "little") + 1
            return width, height
        case _:
            return 0, 0


def _read(data: str, start: int, count: int) -> bytes:
    """So many bytes of base64 from there; fewer where it ends or is broken."""
    skipped = start % 3
    first = (start - skipped) // 3 * 4
    last = first + -(-(skipped + count) // 3) * 4
    try:
        piece = base64.b64decode(data[first:last], validate=True)
    except (binascii.Error, ValueError):
        return b""
    return piece[skipped : skipped + count]
