"""Finds stop sequences in text that comes in pieces, wherever it was cut."""

from __future__ import annotations

from collections.abc import Sequence


class StopSequences:
    def __init__(self, sequences: Sequence[str]) -> None:
        self._sequences = sequences
        self._longest = max(map(len, sequences), default=0)
        self._held = ""

    def feed(self, text: str) -> tuple[str, str | None]:
        """The text that may be shown now, and the sequence it ended before, if any.
        What might be the beginning of one is held back."""
        if not self._sequences:
            return text, None
        text = self._held + text
        if found := self._first(text):
            self._held = ""
            return text[: text.index(found)], found
        held = self._beginning_at_end(text)
        self._held = text[len(text) - held :]
        return text[: len(text) - held], None

    def flush(self) -> str:
        """What was held back and turned out to be no stop sequence."""
        held, self._held = self._held, ""
        return held

    def _first(self, text: str) -> str | None:
        """The sequence that is complete first, which is not always the one that
        begins first; of two that end together, the longer one."""
        complete = [
            (start + len(sequence), start, sequence)
            for sequence in self._sequences
            if (start := text.find(sequence)) >= 0
        ]
        return min(complete)[2] if complete else None

    def _beginning_at_end(self, text: str) -> int:
        """How many characters at the end may become a stop sequence."""
        for length in range(min(self._longest - 1, len(text)), 0, -1):
            if any(sequence.startswith(text[-length:]) for sequence in self._sequences):
                return length
        return 0
