"""What was made of attachments: they repeat in every request of a conversation."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")

MOST_ENTRIES = 1000
MOST_BYTES = 64 * 2**20


class Remembered(Generic[T]):
    """Forgets what was longest not asked for, to stay within both limits."""

    def __init__(
        self, most_entries: int = MOST_ENTRIES, most_bytes: int = MOST_BYTES
    ) -> None:
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._entries: OrderedDict[bytes, tuple[T, int, float]] = OrderedDict()
        self._bytes = 0

    def get(self, key: bytes) -> T | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, _, until = entry
        if time.monotonic() > until:
            self._forget(key)
            return None
        self._entries.move_to_end(key)
        return value

    def put(self, key: bytes, value: T, size: int, seconds: float) -> None:
        """`size` is in bytes; `seconds` may be infinite."""
        if key in self._entries:
            self._forget(key)
        self._entries[key] = (value, size, time.monotonic() + seconds)
        self._bytes += size
        while len(self._entries) > self._most_entries or self._bytes > self._most_bytes:
            self._forget(next(iter(self._entries)))

    def _forget(self, key: bytes) -> None:
        _, size, _ = self._entries.pop(key)
        self._bytes -= size
