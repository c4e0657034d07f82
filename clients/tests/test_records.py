"""Records on their way to the database: in batches, bounded, and never in the way."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from decimal import Decimal

import pytest
from django.db import connection

from clients import records
from clients.models import KeyUse, Reservation, UsageRecord
from clients.tests.conftest import NOON, limited, make_key, record
from kiro2api.database import in_database

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("writing"),
]


@in_database
def written() -> list[str]:
    rows = UsageRecord.objects.order_by("pk")
    return list(rows.values_list("request_id", flat=True))


@in_database
def rename_table(table: str, to: str) -> None:
    with connection.schema_editor() as editor:
        editor.alter_db_table(UsageRecord, table, to)


async def test_whatever_waits_is_written_at_the_end():
    for number in range(1203):
        records.book(record(request_id=f"req_{number}"))
    await records.close(seconds=30)
    assert await written() == [f"req_{number}" for number in range(1203)]


async def test_whatever_waits_is_written_by_itself():
    records.book(record())
    while await written() != ["req_1"]:
        await asyncio.sleep(0.01)


async def test_every_column_is_what_was_handed_over():
    told = record(
        key_id=5,
        key_name="ann's",
        owner_id=7,
        owner_name="ann",
        session="2c9c1f2e-0000-4000-8000-000000000000",
        cache_read_tokens=3,
        cache_write_tokens=4,
        credits=Decimal("1234.0123456789"),
        estimated=True,
        status=502,
        error="StreamBroken",
        failed=True,
        ttfb_ms=None,
        unhonoured="top_k",
    )
    records.book(told)
    await records.close(seconds=10)
    row = await in_database(UsageRecord.objects.get)()
    assert {name: getattr(row, name) for name in asdict(told)} == asdict(told)


async def test_while_the_database_is_away_records_wait(caplog):
    await rename_table("clients_usagerecord", "elsewhere")
    try:
        records.book(record())
        while not caplog.records:
            await asyncio.sleep(0.01)
    finally:
        await rename_table("elsewhere", "clients_usagerecord")
    await records.close(seconds=10)
    assert await written() == ["req_1"]
    assert [line.levelname for line in caplog.records] == ["ERROR"]
    assert "have to wait" in caplog.text


async def test_what_finds_no_room_is_counted_and_lost(caplog):
    for number in range(records.WAITING_MOST + 7):
        records.book(record(request_id=f"req_{number}"))
    await records.close(seconds=60)
    assert len(await written()) == records.WAITING_MOST
    assert [line.getMessage() for line in caplog.records] == [
        f"usage records are lost: {records.WAITING_MOST} wait already",
        "7 usage records were lost",
    ]


async def test_what_cannot_be_written_at_the_end_is_counted(caplog):
    await rename_table("clients_usagerecord", "elsewhere")
    try:
        records.book(record())
        records.book(record())
        await records.close(seconds=0.1)
    finally:
        await rename_table("elsewhere", "clients_usagerecord")
    assert "2 usage records were lost" in caplog.text


async def test_one_that_the_database_refuses_holds_up_no_other(caplog):
    for request_id in ("a", "b", "c"):
        duration = None if request_id == "b" else 5
        records.book(record(request_id=request_id, duration_ms=duration))
    await records.close(seconds=10)
    assert await written() == ["a", "c"]
    assert "a usage record is lost: IntegrityError" in caplog.text


async def test_what_a_key_has_used_is_counted_with_its_records():
    row, _ = await in_database(make_key)("ann", credits_per_day=1)
    held = await in_database(Reservation.objects.create)(
        key=row, tokens=9, credits=Decimal(1), until=NOON
    )
    records.book(record(key_id=row.pk, credits=Decimal("0.1")), held.pk)
    records.book(record(key_id=row.pk, credits=Decimal("0.2")))
    records.book(record(key_id=row.pk, status=429, **NOTHING_USED))
    await records.close(seconds=10)
    used = await in_database(list)(KeyUse.objects.order_by("period"))
    assert [(use.period, use.requests, use.tokens) for use in used] == [
        ("day", 2, 220),
        ("month", 2, 220),
    ]
    assert {use.credits for use in used} == {Decimal("0.3")}
    assert not await in_database(Reservation.objects.exists)()
    await in_database(row.refresh_from_db)()
    assert row.last_used_at == NOON


NOTHING_USED = {"input_tokens": 0, "output_tokens": 0, "credits": Decimal(0)}


async def test_a_key_that_was_deleted_holds_up_nothing():
    client = await limited(credits_per_day=1)
    assert client.key_id is not None
    records.book(record(key_id=client.key_id + 1, request_id="of nobody"))
    records.book(record(key_id=client.key_id))
    await records.close(seconds=10)
    assert await written() == ["of nobody", "req_1"]
