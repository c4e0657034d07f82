"""Stretches of time and their steps."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dashboard.span import between, last

NOW = datetime(2026, 3, 31, 12, 34, 56, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "step", "steps"),
    [("hour", "minute", 60), ("day", "hour", 24), ("week", "hour", 168)],
)
def test_the_last_of_something_has_so_many_steps(name, step, steps):
    span = last(name, NOW, UTC)
    begun = span.steps()
    assert (span.step, len(begun), begun[0]) == (step, steps, span.since)
    assert begun[-1] <= NOW < begun[-1] + (begun[1] - begun[0])


def test_days_are_those_of_the_zone_and_not_all_of_the_same_length():
    begun = last("month", NOW, BERLIN).steps()
    assert len(begun) == 30
    assert all(at.astimezone(BERLIN).hour == 0 for at in begun)
    lengths = {second - first for first, second in zip(begun, begun[1:], strict=False)}
    assert lengths == {23 * HOUR, 24 * HOUR}


@pytest.mark.parametrize(
    ("length", "step"),
    [(HOUR, "minute"), (7 * HOUR, "hour"), (8 * DAY, "hour"), (9 * DAY, "day")],
)
def test_the_longer_a_range_the_coarser_its_steps(length, step):
    span = between(NOW - length, NOW, BERLIN)
    assert span.step == step
    assert len(span.steps()) <= 400
    assert span.steps()[0] <= NOW - length


@pytest.mark.parametrize("length", [timedelta(), -HOUR, 4 * 366 * DAY])
def test_a_range_that_is_none_is_refused(length):
    with pytest.raises(ValueError, match="no span"):
        between(NOW - length, NOW, UTC)
