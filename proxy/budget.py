"""A reply's output tokens: how many are left of those the client allowed."""

from __future__ import annotations

from proxy import tokens

# Characters without a space after which a text is counted as if one stood there.
LONGEST_WORD = 200


class Budget:
    """Counts in the public vocabulary, whose tokens never reach across the space
    before a word: a text costs the same in whatever pieces it comes."""

    def __init__(self, most: int | None, model_id: str) -> None:
        """`most` tokens of the model; None: as many as it takes."""
        self._left = None if most is None else _whole(most, model_id)
        self._word = ""
        """The last one, which may go on: not counted in `_left` yet."""

    @property
    def is_spent(self) -> bool:
        if self._left is None:
            return False
        return tokens.vocabulary_count(self._word) >= self._left

    def take(self, text: str) -> str:
        """As much of the text as there are tokens left for."""
        if self._left is None:
            return text
        beginning, count = tokens.truncated(self._word + text, self._left)
        if count <= self._left:
            self.spend(text)
            return text
        taken = beginning[len(self._word) :]
        self._left, self._word = 0, ""
        return taken

    def spend(self, text: str) -> None:
        """Count what is not to be cut."""
        if self._left is None:
            return
        text = self._word + text
        word = max(text.rfind(" "), 0)
        if len(text) - word > LONGEST_WORD:
            word = len(text)
        self._left = max(self._left - tokens.vocabulary_count(text[:word]), 0)
        self._word = text[word:]


def _whole(most: int, model_id: str) -> int:
    """Tokens of the vocabulary: one at least, where any are allowed."""
    return max(int(most / tokens.factor(model_id)), 1) if most else 0
