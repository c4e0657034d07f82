"""The secrets that the bench's processes agree on."""

from __future__ import annotations

PASSWORD = "correct horse battery"


def key(number: int) -> str:
    return f"sk-kiro-bench-{number:030d}"


def access_token(number: int) -> str:
    return f"token-{number}-{'x' * 300}"
