"""Days and months are those of UTC, wherever a moment was taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from clients import periods

SHANGHAI = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("moment", "day", "month", "next_day", "next_month"),
    [
        (datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), (31, 1), 1, (1, 2), 2),
        (datetime(2026, 12, 31, 12, tzinfo=UTC), (31, 12), 12, (1, 1), 1),
        (datetime(2028, 2, 28, 0, 0, tzinfo=UTC), (28, 2), 2, (29, 2), 3),
        (datetime(2026, 3, 1, 7, 30, tzinfo=SHANGHAI), (28, 2), 2, (1, 3), 3),
    ],
)
def test_a_moment_in_its_day_and_month(moment, day, month, next_day, next_month):
    def named(found: datetime) -> tuple[int, int]:
        assert (found.hour, found.minute, found.tzinfo) == (0, 0, UTC)
        return found.day, found.month

    assert named(periods.day_of(moment)) == day
    assert named(periods.month_of(moment)) == (1, month)
    assert named(periods.next_day(moment)) == next_day
    assert named(periods.next_month(moment)) == (1, next_month)


def test_a_moment_in_its_minute_and_hour():
    moment = datetime(2026, 1, 1, 10, 59, 31, 5, tzinfo=SHANGHAI)
    assert periods.minute_of(moment) == datetime(2026, 1, 1, 2, 59, tzinfo=UTC)
    assert periods.next_minute(moment) == datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
    assert periods.hour_of(moment) == datetime(2026, 1, 1, 2, tzinfo=UTC)
