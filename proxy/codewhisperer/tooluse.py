"""The input of a tool use, which comes in pieces of one JSON text.

The pieces may be cut inside escapes and characters, so they mean something only
together, when upstream says that the tool use has ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from proxy.errors import StreamBroken

MAX_INPUT = 16 * 1024 * 1024
"""Characters: as much as one frame may hold, and more than upstream takes back in
a history."""


@dataclass(slots=True)
class OpenToolUse:
    id: str
    """Upstream's."""
    name: str
    """The client's."""
    held_back: bool
    """Its property names are to be restored, which takes the whole input."""
    _pieces: list[str] = field(default_factory=list)
    _length: int = 0

    def add(self, piece: str | dict[str, Any] | None) -> str:
        """What the piece adds to the JSON text, maybe nothing."""
        if isinstance(piece, dict):  # as of old: the whole input, perhaps repeated
            piece = msgspec.json.encode(piece).decode()
            if piece == "".join(self._pieces):
                return ""
        if not piece or not (self._pieces or piece.strip()):
            return ""
        self._pieces.append(piece)
        self._length += len(piece)
        if self._length > MAX_INPUT:
            raise StreamBroken("upstream sent a tool input beyond all measure")
        return piece

    def whole(self) -> dict[str, Any] | None:
        """The input; None where the pieces are not one JSON object, which is how a
        cut one looks. No pieces at all are an input without properties."""
        try:
            whole = msgspec.json.decode("".join(self._pieces) or "{}")
        except (msgspec.DecodeError, RecursionError):
            return None
        return whole if isinstance(whole, dict) else None
