"""Pictures as clients send them: what they really are, whatever the label says."""

from __future__ import annotations

import base64
import binascii

from proxy.messages import Image, ImageFormat

# Enough base64 to hold every signature below.
HEAD = 32

DATA_URL = "data:"


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
    try:
        head = base64.b64decode(data[:HEAD], validate=True)
        if len(data) % 4:
            data += "=" * (-len(data) % 4)
        if not data.isascii():
            return None
    except (binascii.Error, ValueError):
        return None
    found = format_of(head)
    return Image(found, data) if found else None


def image_from_data_url(url: str) -> Image | None:
    """`data:image/png;base64,....`"""
    if not url.startswith(DATA_URL) or ";base64," not in url[:100]:
        return None
    return image_from_base64(url.split(";base64,", 1)[1])
