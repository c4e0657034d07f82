"""What the service looks at inside images and documents."""

import base64
import binascii
import struct
from collections.abc import Iterator
from typing import Any

from simulator.rules.breach import Breach

LARGEST_IMAGE = 10_000_000
LARGEST_SIDE = 8000
FORMATS = frozenset({"png", "jpeg", "gif", "webp"})
# Start-of-frame markers of JPEG: all of C0 to CF but for the tables in between.
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def media_breaches(message: dict[str, Any], path: str) -> Iterator[Breach]:
    for index, image in enumerate(message.get("images", ())):
        yield from _image_breaches(image, f"{path}/images/{index}")
    names: set[str] = set()
    for index, document in enumerate(message.get("documents", ())):
        where = f"{path}/documents/{index}"
        if not _decode(document["source"]["bytes"]):
            yield Breach("document-bytes", f"{where}/source/bytes")
        if document["name"] in names:
            yield Breach("document-name", f"{where}/name")
        names.add(document["name"])


def _image_breaches(image: dict[str, Any], path: str) -> Iterator[Breach]:
    if image["format"] not in FORMATS:
        yield Breach("image-format", f"{path}/format")
        return
    data = _decode(image["source"]["bytes"])
    if data is None:
        yield Breach("image-bytes", f"{path}/source/bytes")
    elif not 1 <= len(data) <= LARGEST_IMAGE:
        yield Breach("image-size", f"{path}/source/bytes")
    elif _format_of(data) != image["format"]:
        yield Breach("image-mime", f"{path}/format")
    elif max(_sides(data, image["format"])) > LARGEST_SIDE:
        yield Breach("image-dimension", f"{path}/source/bytes")


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _format_of(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    return None


def _sides(data: bytes, image_format: str) -> tuple[int, int]:
    """Width and height; (0, 0) where the picture's head is cut short."""
    try:
        match image_format:
            case "png":
                return struct.unpack_from(">II", data, 16)
            case "gif":
                return struct.unpack_from("<HH", data, 6)
            case "jpeg":
                return _jpeg_sides(data)
            case _:
                return _webp_sides(data)
    except (struct.error, IndexError):
        return 0, 0


def _jpeg_sides(data: bytes) -> tuple[int, int]:
    at = 2
    while data[at + 1] not in JPEG_FRAMES:
        (length,) = struct.unpack_from(">H", data, at + 2)
        at += 2 + length
    height, width = struct.unpack_from(">HH", data, at + 5)
    return width, height


def _webp_sides(data: bytes) -> tuple[int, int]:
    match data[12:16]:
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case _:
            width = int.from_bytes(data[24:27], "little") + 1
            height = int.from_bytes(data[27:30], "little") + 1
            return width, height
