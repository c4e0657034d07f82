"""Thinking in tags, cut out of the text it comes in.

A model asked to think in tags begins its text with `<thinking>`, and ends that
with `</thinking>` and a blank line. Tags elsewhere are its own words: in the
middle of the text, in quotes or backticks, or without the blank line. Pieces are
handed on as soon as they cannot be part of a tag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

START = "<thinking>"
END = "</thinking>"
BLANK_LINE = "\n\n"
_QUOTES = frozenset("\"'`")


@dataclass(frozen=True, slots=True)
class Piece:
    kind: Literal["thinking", "text"]
    text: str


class ThinkingSplitter:
    def __init__(self) -> None:
        self._place: Literal["before", "inside", "after"] = "before"
        self._held = ""
        """Not decided on yet."""
        self._last = ""
        """The character before it: a quote there makes a tag a quoted one."""

    @property
    def is_holding(self) -> bool:
        """Text has come that is not decided on yet."""
        return bool(self._held)

    def feed(self, text: str) -> list[Piece]:
        self._held += text
        if self._place == "before":
            self._enter()
        match self._place:
            case "before":
                return []
            case "inside":
                return self._think()
            case "after":
                return self._pieces("text", self._take(len(self._held)))

    def close(self) -> list[Piece]:
        """The text is over: what was held back is what it looks like now."""
        held = self._take(len(self._held))
        inside, self._place = self._place == "inside", "after"
        if not inside:
            return self._pieces("text", held)
        if held.rstrip() == END and self._last not in _QUOTES:
            return []
        return self._pieces("thinking", held)

    def _enter(self) -> None:
        begun = self._held.lstrip()
        if begun.startswith(START):
            self._place = "inside"
            self._held = begun[len(START) :]
        elif not START.startswith(begun):
            self._place = "after"

    def _think(self) -> list[Piece]:
        at = self._held.find(END)
        while at >= 0:
            before = self._held[at - 1] if at else self._last
            behind = self._held[at + len(END) :][: len(BLANK_LINE)]
            if BLANK_LINE.startswith(behind) and before not in _QUOTES:
                thinking = self._pieces("thinking", self._take(at))
                if behind != BLANK_LINE:  # not all there yet
                    return thinking
                self._place = "after"
                self._take(len(END + BLANK_LINE))
                return thinking + self._pieces("text", self._take(len(self._held)))
            at = self._held.find(END, at + len(END))
        decided = len(self._held) - _begun(END, self._held)
        return self._pieces("thinking", self._take(decided))

    def _take(self, length: int) -> str:
        taken, self._held = self._held[:length], self._held[length:]
        self._last = taken[-1:] or self._last
        return taken

    @staticmethod
    def _pieces(kind: Literal["thinking", "text"], text: str) -> list[Piece]:
        return [Piece(kind, text)] if text else []


def _begun(tag: str, text: str) -> int:
    """How many characters at the end of `text` may be the beginning of `tag`."""
    most = min(len(tag) - 1, len(text))
    return next((n for n in range(most, 0, -1) if text.endswith(tag[:n])), 0)
