"""Server-sent events as bytes."""

from __future__ import annotations

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


def event(name: str, data: dict[str, Any]) -> bytes:
    """One named event with a JSON object on its one data line."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _encode(data))
