"""The stretches of time that pages show, and the steps they are cut into."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal

from clients import periods
from clients.reports import MINUTES_MOST, SESSIONS_MOST, Step

Name = Literal["hour", "day", "week", "month", "own"]

LONGEST = timedelta(days=3 * 366)
HOURS_MOST = timedelta(days=8)
"""Beyond that it is days."""


@dataclass(frozen=True, slots=True)
class Span:
    since: datetime
    until: datetime
    step: Step
    zone: tzinfo

    @property
    def has_sessions(self) -> bool:
        """They are kept for so long, and no longer."""
        return self.until - self.since <= SESSIONS_MOST

    def steps(self) -> list[datetime]:
        """The beginning of each."""
        if self.step == "day":
            return self._days()
        size = timedelta(minutes=1) if self.step == "minute" else timedelta(hours=1)
        of = periods.minute_of if self.step == "minute" else periods.hour_of
        begin, found = of(self.since), []
        while begin < self.until:
            found.append(begin)
            begin += size
        return found

    def _days(self) -> list[datetime]:
        """Of the zone: they are not all 24 hours long."""
        day, found = self.since.astimezone(self.zone).date(), []
        while (begin := _midnight(day, self.zone)) < self.until:
            found.append(begin)
            day += timedelta(days=1)
        return found


def last(name: Name, now: datetime, zone: tzinfo) -> Span:
    """Up to now: whole steps, of which the last one is under way."""
    match name:
        case "hour":
            since = periods.minute_of(now) - timedelta(minutes=59)
            return Span(since, now, "minute", zone)
        case "day":
            return Span(periods.hour_of(now) - timedelta(hours=23), now, "hour", zone)
        case "week":
            since = periods.hour_of(now) - timedelta(hours=7 * 24 - 1)
            return Span(since, now, "hour", zone)
        case _:
            today = now.astimezone(zone).date()
            since = _midnight(today - timedelta(days=29), zone)
            return Span(since, now, "day", zone)


def between(since: datetime, until: datetime, zone: tzinfo) -> Span:
    """In whole steps, too. ValueError: too long, or the end before the beginning."""
    if not timedelta() < until - since <= LONGEST:
        raise ValueError("no span of time, or one of more than three years")
    if until - since <= MINUTES_MOST:
        return Span(periods.minute_of(since), until, "minute", zone)
    if until - since <= HOURS_MOST:
        return Span(periods.hour_of(since), until, "hour", zone)
    return Span(_midnight(since.astimezone(zone).date(), zone), until, "day", zone)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)
