"""The sums by the hour: every record once, and none gone before it is in them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from clients import periods, reports, rollup
from clients.models import KeyUse, UsageHour, UsageRecord
from clients.records import Record
from clients.tests.conftest import NOON, make_key, record

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CENTURY = (NOON - 1000 * DAY, NOON + 1000 * DAY)


def write(*records: Record) -> None:
    rows = [
        UsageRecord(**{name: getattr(one, name) for name in one.__slots__})
        for one in records
    ]
    UsageRecord.objects.bulk_create(rows)


def hours() -> list[Any]:
    columns = ("hour", "key_id", "model", "requests", "credits")
    rows = UsageHour.objects.order_by("hour", "key_id", "model")
    return list(rows.values_list(*columns))


def test_records_of_one_hour_and_kind_are_one_sum():
    write(
        record(at=NOON - 30 * MINUTE),
        record(at=NOON, failed=True, status=502, ttfb_ms=None, credits=Decimal(0)),
        record(at=NOON, estimated=True, cache_read_tokens=5, cache_write_tokens=6),
        record(at=NOON + 30 * MINUTE),
        record(at=NOON, key_id=3, key_name="ann"),
        record(at=NOON, model="claude-haiku-4-5"),
    )
    assert rollup.roll_up() == 6
    one, noon = Decimal("0.0123456789"), NOON.replace(minute=0)
    assert hours() == [
        (noon, 0, "claude-haiku-4-5", 1, one),
        (noon, 0, "claude-sonnet-5", 3, 2 * one),
        (noon, 3, "claude-sonnet-5", 1, one),
        (noon + HOUR, 0, "claude-sonnet-5", 1, one),
    ]
    whole = UsageHour.objects.get(requests=3)
    assert (whole.errors, whole.estimated) == (1, 1)
    assert (whole.input_tokens, whole.output_tokens) == (300, 30)
    assert (whole.cache_read_tokens, whole.cache_write_tokens) == (5, 6)
    assert (whole.ttfb_ms, whole.ttfb_count, whole.duration_ms) == (400, 2, 3000)
    assert (whole.key_name, whole.account) == ("shared", "first")


def test_what_comes_later_is_added_and_nothing_is_counted_twice():
    write(record())
    assert (rollup.roll_up(), rollup.roll_up()) == (1, 0)
    write(record(), record())
    assert rollup.roll_up() == 2
    assert [row[3] for row in hours()] == [3]


def test_several_at_once_count_each_record_once(settings):
    kinds = [record(model=f"model-{number % 7}") for number in range(3 * 1000 + 5)]
    write(*kinds)

    def roll_up(_: int) -> int:
        try:
            return rollup.roll_up()
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(roll_up, range(3))) == len(kinds)
    assert sum(row[3] for row in hours()) == len(kinds)
    total = Decimal("0.0123456789") * len(kinds)
    assert sum(row[4] for row in hours()) == total


def test_old_records_go_once_they_are_in_the_sums(settings):
    settings.USAGE_RETENTION_DAYS = 90
    now = timezone.now()
    write(record(at=now - 91 * DAY), record(at=now - 89 * DAY), record(at=now))
    assert rollup.retain() == 0
    rollup.roll_up()
    assert rollup.retain() == 1
    assert UsageRecord.objects.count() == 2
    assert sum(row[3] for row in hours()) == 3
    assert rollup.retain(days=30) == 1


def test_more_than_one_batch_goes():
    write(*[record(at=NOON - 1000 * DAY) for _ in range(rollup.AT_ONCE + 3)])
    rollup.roll_up()
    assert rollup.retain() == rollup.AT_ONCE + 3


def test_what_keys_used_long_ago_goes_too_but_for_the_months():
    row, _ = make_key()
    now = timezone.now()
    old = now - 200 * DAY
    for moment in (now, old):
        for period, start in (
            ("minute", periods.minute_of(moment)),
            ("day", periods.day_of(moment)),
            ("month", periods.month_of(moment)),
        ):
            KeyUse.objects.create(key=row, period=period, start=start)
    rollup.retain()
    left = KeyUse.objects.filter(start__lt=now - 100 * DAY)
    assert [use.period for use in left] == ["month"]
    assert KeyUse.objects.count() == 4


@pytest.mark.parametrize("step", [None, "hour", "day"])
@pytest.mark.parametrize("split", [None, "key", "owner", "account", "model", "dialect"])
def test_reports_say_the_same_before_amidst_and_after(step, split):
    first = [
        record(
            at=NOON + number * 7 * HOUR, key_id=number % 3, key_name=f"k{number % 3}"
        )
        for number in range(12)
    ]
    more = [
        record(
            at=NOON + number * 7 * HOUR,
            key_id=number % 3,
            key_name=f"k{number % 3}",
            ttfb_ms=None if number % 2 else 100,
            failed=not number % 4,
            model=f"m{number % 2}",
            account_id=number % 2,
            account=f"a{number % 2}",
        )
        for number in range(12)
    ]
    write(*first)
    rollup.roll_up()
    write(*more)
    amidst = reports.sums(*CENTURY, step=step, split=split)
    rollup.roll_up()
    assert reports.sums(*CENTURY, step=step, split=split) == amidst
    UsageHour.objects.all().delete()
    UsageRecord.objects.update(rolled_up=False)
    assert reports.sums(*CENTURY, step=step, split=split) == amidst
    assert sum(one.requests for one in amidst) == 24
