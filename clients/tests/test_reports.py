"""What pages are told of use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from clients import reports, rollup
from clients.models import UsageRecord
from clients.reports import Choice, Sums
from clients.tests.conftest import NOON, record
from clients.tests.test_rollup import write

pytestmark = pytest.mark.django_db(transaction=True)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = (NOON - 12 * HOUR, NOON + 12 * HOUR)
ONE = Decimal("0.0123456789")


def test_of_nothing_there_is_nothing():
    assert reports.sums(*TODAY) == []
    assert reports.sums(*TODAY, step="hour", split="key") == []
    assert reports.recent() == reports.Page([], "")


def test_all_figures_of_an_hour():
    write(
        record(cache_read_tokens=3, cache_write_tokens=4),
        record(ttfb_ms=None, failed=True, duration_ms=3000),
        record(ttfb_ms=500, estimated=True, duration_ms=2000),
    )
    assert reports.sums(*TODAY, step="hour") == [
        Sums(
            at=NOON.replace(minute=0),
            split=None,
            name="",
            requests=3,
            errors=1,
            estimated=1,
            input_tokens=300,
            output_tokens=30,
            cache_read_tokens=3,
            cache_write_tokens=4,
            credits=3 * ONE,
            ttfb_ms=350,
            duration_ms=2000,
            timed=2,
        )
    ]


@pytest.mark.parametrize("rolled_up", [True, False])
def test_whole_hours_count_and_no_others(rolled_up):
    hour = NOON.replace(minute=0)
    for minute in (-1, 0, 59, 60, 119, 120):
        write(record(at=hour + timedelta(minutes=minute)))
    if rolled_up:
        rollup.roll_up()
    (found,) = reports.sums(hour + HOUR / 2, hour + HOUR * 1.5)
    assert found.requests == 4
    (found,) = reports.sums(hour, hour + HOUR)
    assert found.requests == 2


def test_days_are_those_of_a_zone():
    write(record(at=datetime(2026, 3, 31, 15, tzinfo=UTC)))
    write(record(at=datetime(2026, 3, 31, 17, tzinfo=UTC)))
    shanghai = timezone(8 * HOUR)
    span = (NOON - 3 * DAY, NOON + 3 * DAY)
    days = [one.at for one in reports.sums(*span, step="day", zone=shanghai)]
    assert days == [
        datetime(2026, 3, 31, tzinfo=shanghai),
        datetime(2026, 4, 1, tzinfo=shanghai),
    ]
    assert len(reports.sums(*span, step="day")) == 1


def test_a_key_that_was_renamed_is_one_key():
    write(record(key_id=1, key_name="before"))
    rollup.roll_up()
    write(record(key_id=1, key_name="now"), record(key_id=2, key_name="other"))
    found = reports.sums(*TODAY, split="key")
    assert [(one.split, one.requests) for one in found] in (
        [(1, 2), (2, 1)],
        [(2, 1), (1, 2)],
    )


def test_by_session_for_a_week_at_most():
    write(record(session="a"), record(session="a"), record(session="b"))
    rollup.roll_up()
    found = reports.sums(*TODAY, split="session")
    assert [(one.split, one.requests) for one in found] == [("a", 2), ("b", 1)]
    assert reports.sums(NOON - 7 * DAY, NOON, split="session")
    with pytest.raises(ValueError, match="a week"):
        reports.sums(NOON - 8 * DAY, NOON + DAY, split="session")


@pytest.mark.parametrize(
    "choice",
    [
        Choice(key_id=1),
        Choice(owner_id=7),
        Choice(account_id=5),
        Choice(model="m"),
        Choice(dialect="openai"),
        Choice(session="s"),
        Choice(key_id=1, model="m"),
    ],
)
def test_what_is_chosen_and_nothing_else(choice):
    chosen = record(
        key_id=1,
        owner_id=7,
        account_id=5,
        model="m",
        dialect="openai",
        session="s",
        request_id="chosen",
    )
    write(record(), chosen, record(key_id=2, owner_id=8, account_id=6))
    rollup.roll_up()
    write(record(), chosen, record(key_id=2, owner_id=8, account_id=6))
    assert [one.requests for one in reports.sums(*TODAY, choice=choice)] == [2]
    page = reports.recent(choice)
    assert [row.request_id for row in page.records] == ["chosen", "chosen"]


def test_records_come_page_by_page_the_newest_first():
    for number in range(25):
        at = NOON + timedelta(seconds=number // 3, microseconds=number % 3 // 2)
        write(record(at=at, request_id=str(number)))
    seen: list[str] = []
    after = ""
    while True:
        page = reports.recent(after=after, size=4)
        seen += [row.request_id for row in page.records]
        if not page.next:
            break
        after = page.next
    rows = UsageRecord.objects.order_by("-at", "-pk")
    assert seen == list(rows.values_list("request_id", flat=True))
    assert len(page.records) == 1


def test_records_of_a_time_and_of_a_kind():
    write(
        record(request_id="early", at=NOON - HOUR),
        record(request_id="good", at=NOON),
        record(request_id="bad", at=NOON, status=502, failed=True),
    )

    def found(**wanted) -> list[str]:
        return sorted(row.request_id for row in reports.recent(**wanted).records)

    assert found(since=NOON) == ["bad", "good"]
    assert found(until=NOON) == ["early"]
    assert found(status=502) == found(failed=True) == ["bad"]
    assert found(failed=False) == ["early", "good"]


@pytest.mark.parametrize("after", ["x", "1", "1-x", "-", "9" * 40 + "-1", "1-2-3"])
def test_a_place_that_is_none_is_refused(after):
    with pytest.raises(ValueError, match="no place"):
        reports.recent(after=after)
