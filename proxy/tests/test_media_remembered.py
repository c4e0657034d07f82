from __future__ import annotations

import math

from proxy.media.remembered import Remembered


def test_what_was_put_is_remembered() -> None:
    remembered: Remembered[str] = Remembered()
    remembered.put(b"key", "value", 1, math.inf)
    assert remembered.get(b"key") == "value"
    assert remembered.get(b"other") is None


def test_the_one_longest_not_asked_for_is_forgotten_first() -> None:
    remembered: Remembered[int] = Remembered(most_entries=2)
    remembered.put(b"a", 1, 1, math.inf)
    remembered.put(b"b", 2, 1, math.inf)
    remembered.get(b"a")
    remembered.put(b"c", 3, 1, math.inf)
    assert [remembered.get(key) for key in (b"a", b"b", b"c")] == [1, None, 3]


def test_bytes_are_bounded_too() -> None:
    remembered: Remembered[int] = Remembered(most_bytes=100)
    remembered.put(b"a", 1, 60, math.inf)
    remembered.put(b"b", 2, 40, math.inf)
    remembered.put(b"c", 3, 1, math.inf)
    assert [remembered.get(key) for key in (b"a", b"b", b"c")] == [None, 2, 3]


def test_what_alone_is_too_large_is_not_kept() -> None:
    remembered: Remembered[int] = Remembered(most_bytes=100)
    remembered.put(b"a", 1, 101, math.inf)
    assert remembered.get(b"a") is None
    remembered.put(b"b", 2, 100, math.inf)
    assert remembered.get(b"b") == 2


def test_a_second_value_takes_the_place_of_the_first() -> None:
    remembered: Remembered[int] = Remembered(most_bytes=100)
    remembered.put(b"a", 1, 90, math.inf)
    remembered.put(b"a", 2, 90, math.inf)
    remembered.put(b"b", 3, 10, math.inf)
    assert [remembered.get(key) for key in (b"a", b"b")] == [2, 3]


def test_its_time_runs_out() -> None:
    remembered: Remembered[int] = Remembered()
    remembered.put(b"a", 1, 1, -1.0)
    assert remembered.get(b"a") is None
