"""Finds stop sequences in text that comes in pieces."""

from __future__ import annotations

import re
from collections.abc import Sequence


class StopSequences:
    def __init__(self, sequences: Sequence[str]) -> None:
        self._sequences = sequences
        self._pattern = re.compile("|".join(map(re.escape, sequences)))
        self._held = ""

    def feed(self, text: str) -> tuple[str, str | None]:
        """The text that may be shown now, and the sequence it ended before, if any.
        What might be the beginning of one is held back."""
        if not self._sequences:
            return text, None
        text = self._held + text
        if found := self._pattern.search(text):
            self._held = ""
            return text[: found.start()], found[0]
        held = self._beginning_at_end(text)
        self._held = text[len(text) - held :]
        return text[: len(text) - held], None

    def flush(self) -> str:
        """What was held back and turned out to be no stop sequence."""
        held, self._held = self._held, ""
        return held

    def _beginning_at_end(self, text: str) -> int:
        """How many characters at the end may become a stop sequence."""
        longest = max(map(len, self._sequences)) - 1
        for length in range(min(longest, len(text)), 0, -1):
            if any(sequence.startswith(text[-length:]) for sequence in self._sequences):
                return length
        return 0
