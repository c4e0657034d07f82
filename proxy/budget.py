"""A reply's output tokens: how many are left of those the client allowed."""

from __future__ import annotations

from proxy import tokens

# No text costs more: most replies stay so far below their limit that nothing has
# to be counted at all.
MOST_PER_BYTE = 1.6


class Budget:
    def __init__(self, most: int | None, model_id: str) -> None:
        """`most` tokens; None: as many as it takes."""
        self._most = most
        self._model_id = model_id
        self._bytes = 0
        self._spent = 0
        self._uncounted: list[str] = []

    @property
    def is_spent(self) -> bool:
        left = None if self._most is None else self._left(self._most)
        return left is not None and left <= 0

    def take(self, text: str) -> str:
        """As much of the text as there are tokens left for."""
        if self._most is None:
            return text
        left = self._left(self._most, coming=text)
        if left is None or tokens.count_text(text, self._model_id) <= left:
            self.spend(text)
            return text
        self._spent = self._most
        return tokens.truncate(text, left, self._model_id)

    def spend(self, text: str) -> None:
        """Count what is not to be cut."""
        if self._most is not None:
            self._bytes += len(text.encode())
            self._uncounted.append(text)

    def _left(self, most: int, coming: str = "") -> int | None:
        """None while not even the costliest text could have spent them."""
        if (self._bytes + len(coming.encode())) * MOST_PER_BYTE < most:
            return None
        self._spent += tokens.count_text("".join(self._uncounted), self._model_id)
        self._uncounted.clear()
        return most - self._spent
