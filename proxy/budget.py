"""A reply's output tokens: how many are left of those the client allowed."""

from __future__ import annotations

from proxy import tokens

# Characters without a space after which a text is counted as if one stood there.
LONGEST_WORD = 200
# Bytes that are counted at once, at the latest: no count holds the event loop long.
UNCOUNTED_MOST = 8192


class Budget:
    """Counts in the public vocabulary, whose tokens never reach across the space
    before a word: a text costs the same in whatever pieces it comes. A token is one
    byte or more: while fewer bytes are uncounted than tokens are left, texts are only
    kept, to be counted together."""

    def __init__(self, most: int | None, model_id: str) -> None:
        """`most` tokens of the model; None: as many as it takes."""
        self._left = None if most is None else _whole(most, model_id)
        self._uncounted: list[str] = []
        """Not taken off `_left` yet; the last word may go on."""
        self._bytes = 0
        """Of what is uncounted."""

    @property
    def is_spent(self) -> bool:
        if self._left is None or self._bytes < self._left:
            return False
        return tokens.vocabulary_count("".join(self._uncounted)) >= self._left

    def take_whole(self, text: str) -> bool:
        """Take the text if it needs no count to see that all of it fits."""
        if self._left is None:
            return True
        size = self._bytes + len(text.encode())
        if size > self._left or size > UNCOUNTED_MOST:
            return False
        self._uncounted.append(text)
        self._bytes = size
        return True

    def take(self, text: str) -> str:
        """As much of the text as there are tokens left for."""
        if self._left is None or self.take_whole(text):
            return text
        before = "".join(self._uncounted)
        beginning, count = tokens.truncated(before + text, self._left)
        if count <= self._left:
            self._count(text)
            return text
        self._left = 0
        self._keep("")
        return beginning[len(before) :]

    def spend(self, text: str) -> None:
        """Count what is not to be cut."""
        if not self.take_whole(text):
            self._count(text)

    def _count(self, text: str) -> None:
        """All there is with this text but the last word, which may go on."""
        assert self._left is not None
        text = "".join((*self._uncounted, text))
        word = max(text.rfind(" "), 0)
        if len(text) - word > LONGEST_WORD:
            word = len(text)
        self._left = max(self._left - tokens.vocabulary_count(text[:word]), 0)
        self._keep(text[word:])

    def _keep(self, word: str) -> None:
        self._uncounted = [word]
        self._bytes = len(word.encode())


def _whole(most: int, model_id: str) -> int:
    """Tokens of the vocabulary: one at least, where any are allowed."""
    return max(int(most / tokens.factor(model_id)), 1) if most else 0
