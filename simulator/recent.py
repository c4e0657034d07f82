"""A dict that keeps what was set last and forgets the oldest."""

from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

MOST_KEPT = 10_000


class Recent(dict[Key, Value]):
    def __setitem__(self, key: Key, value: Value) -> None:
        super().__setitem__(key, value)
        while len(self) > MOST_KEPT:
            del self[next(iter(self))]
