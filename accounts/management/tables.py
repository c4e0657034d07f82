"""Writes rows in columns, for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    texts = [list(head), *([_one_line(cell) for cell in row] for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*texts, strict=True)]
    return "\n".join(
        "  ".join(
            text + " " * (width - _width(text))
            for text, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in texts
    )


def _one_line(cell: object) -> str:
    """A name or a file may hold what would move the terminal's cursor."""
    text = "" if cell is None else str(cell)
    return "".join(c if c.isprintable() else "?" for c in text)


def _width(text: str) -> int:
    """Chinese characters take two places."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
