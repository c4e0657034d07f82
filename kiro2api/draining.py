"""Whether this process was told to stop: it finishes what it has and wants no more."""

from __future__ import annotations

_begun = False


def begin() -> None:
    global _begun
    _begun = True


def has_begun() -> bool:
    return _begun
