"""Pure: the minutes, days and months by which use is counted, all of UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def minute_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def hour_of(moment: datetime) -> datetime:
    return minute_of(moment).replace(minute=0)


def day_of(moment: datetime) -> datetime:
    return hour_of(moment).replace(hour=0)


def month_of(moment: datetime) -> datetime:
    return day_of(moment).replace(day=1)


def next_minute(moment: datetime) -> datetime:
    return minute_of(moment) + timedelta(minutes=1)


def next_day(moment: datetime) -> datetime:
    return day_of(moment) + timedelta(days=1)


def next_month(moment: datetime) -> datetime:
    return month_of(month_of(moment) + timedelta(days=31))
