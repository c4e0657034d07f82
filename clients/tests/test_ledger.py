"""What keys may use: reserved before, settled after, by many at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clients import costs, ledger, periods, records
from clients.admission import Estimate, KeyGone, LimitReached
from clients.keys import SHARED, Client
from clients.ledger import LedgerUnavailable
from clients.models import ApiKey, KeyUse, ModelCost, Reservation
from clients.tests.conftest import client_of, limited, make_key, record
from kiro2api.database import in_database

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("writing"),
]

Limit = ApiKey.Limit
MODEL = "claude-sonnet-5"
ONE = Estimate(MODEL, input_tokens=100, output_most=40)
"""At the rate below: 0.1 credits likely, 0.2 at most; 110 tokens, or 140."""


@pytest.fixture(autouse=True)
def rate(db: None) -> None:
    """A tenth of a credit for the usual reply, which has ten tokens."""
    per_token = 0.1 / (100 + 10 * costs.OUTPUT_WEIGHT)
    ModelCost.objects.create(model_id=MODEL, rate=per_token, output=10, samples=1)


@pytest.fixture(autouse=True)
def at_once(settings: Any) -> None:
    settings.CLIENT_QUEUE_SECONDS = 0.0


async def refused(client: Client, estimate: Estimate = ONE) -> LimitReached:
    with pytest.raises(LimitReached) as reached:
        await ledger.reserve(client, estimate)
    return reached.value


async def use(client: Client, **used: Any) -> None:
    """As if it had been used already."""
    nothing = {"input_tokens": 0, "output_tokens": 0, "credits": Decimal(0)}
    told = {"at": timezone.now(), "key_id": client.key_id} | nothing | used
    records.book(record(**told))
    await records.close(seconds=10)


async def settle(client: Client, reservation: int, credits: str = "0.1") -> None:
    told = record(key_id=client.key_id, at=timezone.now(), credits=Decimal(credits))
    records.book(told, reservation)
    await records.close(seconds=10)


@in_database
def reservations() -> int:
    return Reservation.objects.count()


async def test_a_key_without_limits_costs_no_query():
    free, _ = await in_database(make_key)("free")

    @in_database
    def reserved() -> tuple[Any, int]:
        with CaptureQueriesContext(connection) as queries:
            return asyncio.run(ledger.reserve(client_of(free), ONE)), len(queries)

    assert await reserved() == (None, 0)
    assert await ledger.reserve(SHARED, ONE) is None


@pytest.mark.parametrize(
    ("limit", "most", "used", "next_one"),
    [
        (Limit.CREDITS_PER_DAY, "1.0", {"credits": Decimal("0.9")}, periods.next_day),
        (Limit.CREDITS_PER_MONTH, "1", {"credits": Decimal("0.9")}, periods.next_month),
        (Limit.TOKENS_PER_DAY, 1000, {"input_tokens": 890}, periods.next_day),
        (Limit.TOKENS_PER_MONTH, 1000, {"output_tokens": 890}, periods.next_month),
    ],
)
async def test_a_quota_is_used_to_its_end_and_no_further(limit, most, used, next_one):
    client = await limited(**{limit.value: most})
    await use(client, **used)
    reservation = await ledger.reserve(client, ONE)
    assert reservation
    records.book(
        record(
            key_id=client.key_id,
            at=timezone.now(),
            credits=Decimal("0.1"),
            input_tokens=100,
        ),
        reservation,
    )
    await records.close(seconds=10)
    reached = await refused(client)
    assert reached.limit == limit
    assert reached.until == next_one(timezone.now())


async def test_what_is_likely_to_be_too_much_is_refused_before_it_is_used():
    client = await limited(credits_per_day="1")
    await use(client, credits=Decimal("0.95"))
    assert (await refused(client)).limit == Limit.CREDITS_PER_DAY
    cheap = Estimate(MODEL, input_tokens=10, output_most=1)
    assert await ledger.reserve(client, cheap)


async def test_a_new_day_begins_anew_and_the_month_goes_on():
    client = await limited(credits_per_day="1", credits_per_month="1.5")
    yesterday = periods.day_of(timezone.now()) - timedelta(seconds=1)
    await use(client, at=yesterday, credits=Decimal(1))
    assert await ledger.reserve(client, ONE)


async def test_others_under_way_count_at_their_dearest():
    client = await limited(credits_per_day="0.5")
    assert await ledger.reserve(client, ONE)
    assert await ledger.reserve(client, ONE)
    reached = await refused(client)
    assert (reached.limit, reached.until) == (Limit.CREDITS_PER_DAY, None)


async def test_who_is_alone_may_take_the_last_that_is_left():
    client = await limited(credits_per_day="0.15")
    first = await ledger.reserve(client, ONE)
    assert first
    assert (await refused(client)).until is None
    await settle(client, first, "0.05")
    assert await ledger.reserve(client, ONE)


async def test_what_was_reserved_by_a_killed_process_is_free_after_its_time():
    client = await limited(max_concurrent=1, credits_per_day="0.1")
    assert await ledger.reserve(client, ONE)
    assert (await refused(client)).limit == Limit.MAX_CONCURRENT
    past = timezone.now() - timedelta(seconds=1)
    await in_database(Reservation.objects.update)(until=past)
    assert await ledger.reserve(client, ONE)
    assert await reservations() == 1


async def test_only_so_many_run_at_once():
    client = await limited(max_concurrent=2)
    first = await ledger.reserve(client, ONE)
    assert first
    assert await ledger.reserve(client, ONE)
    reached = await refused(client)
    assert (reached.limit, reached.until) == (Limit.MAX_CONCURRENT, None)
    await settle(client, first)
    assert await ledger.reserve(client, ONE)


async def test_only_so_many_begin_in_a_minute(settings):
    settings.CLIENT_QUEUE_SECONDS = 60.0  # nobody waits for the next minute
    client = await limited(requests_per_minute=3)
    now = timezone.now()
    for start in (periods.minute_of(now), periods.next_minute(now)):
        await in_database(KeyUse.objects.create)(
            key_id=client.key_id, period="minute", start=start, requests=2
        )
    assert await ledger.reserve(client, ONE)
    # In the one or in the other of the two, there is one more.
    await in_database(KeyUse.objects.filter(requests=2).update)(requests=3)
    reached = await refused(client)
    assert reached.limit == Limit.REQUESTS_PER_MINUTE
    assert reached.until is not None
    long_ago = periods.minute_of(now) - timedelta(hours=1)
    await in_database(KeyUse.objects.filter(start__lte=now).delete)()
    await in_database(KeyUse.objects.update)(start=long_ago)
    assert await ledger.reserve(client, ONE)


async def test_of_many_at_once_exactly_those_are_let_in_that_there_is_room_for():
    client = await limited(max_concurrent=7)
    asked = (ledger.reserve(client, ONE) for _ in range(40))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, int) for answer in answers) == 7
    assert await reservations() == 7


async def test_one_after_the_other_goes_when_there_is_room_again(settings):
    settings.CLIENT_QUEUE_SECONDS = 60.0
    client = await limited(max_concurrent=1)
    running: list[int] = []

    async def one() -> None:
        reservation = await ledger.reserve(client, ONE)
        assert reservation is not None
        running.append(reservation)
        assert len(running) == 1
        await asyncio.sleep(0)
        running.remove(reservation)
        records.book(record(key_id=client.key_id, at=timezone.now()), reservation)

    await asyncio.gather(*(one() for _ in range(6)))


async def test_who_leaves_while_waiting_leaves_nothing_behind(settings):
    settings.CLIENT_QUEUE_SECONDS = 60.0
    client = await limited(max_concurrent=1)
    held = await ledger.reserve(client, ONE)
    assert held
    waiting = [asyncio.create_task(ledger.reserve(client, ONE)) for _ in range(5)]
    for task in waiting:
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.wait(waiting)
    await settle(client, held)
    while await reservations():
        await asyncio.sleep(0.01)
    assert await ledger.reserve(client, ONE)


async def test_no_more_wait_than_may(settings):
    settings.CLIENT_QUEUE_SECONDS = 60.0
    client = await limited(max_concurrent=1)
    assert await ledger.reserve(client, ONE)
    waiting = [
        asyncio.create_task(ledger.reserve(client, ONE))
        for _ in range(ledger.IN_LINES_MOST)
    ]
    await asyncio.sleep(0)
    assert (await refused(client)).limit == Limit.MAX_CONCURRENT
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)


async def test_a_request_that_asks_again_keeps_its_place():
    client = await limited(max_concurrent=1, credits_per_day="0.3")
    held = await ledger.reserve(client, ONE)
    again = Estimate(MODEL, 100, 40, spent_tokens=110, spent_credits=0.1)
    assert await ledger.reserve(client, again, held) == held
    row = await in_database(Reservation.objects.get)()
    assert row.credits == Decimal("0.3")
    more = Estimate(MODEL, 100, 40, spent_tokens=220, spent_credits=0.25)
    with pytest.raises(LimitReached):
        await ledger.reserve(client, more, held)


@pytest.mark.parametrize("change", ["delete", "disable"])
async def test_a_key_that_is_taken_away_reserves_nothing_more(change):
    client = await limited(max_concurrent=5)
    rows = ApiKey.objects.filter(name=client.name)
    if change == "delete":
        await in_database(rows.delete)()
    else:
        await in_database(rows.update)(enabled=False)
    with pytest.raises(KeyGone):
        await ledger.reserve(client, ONE)


async def test_without_the_database_nobody_with_limits_gets_in():
    client = await limited(max_concurrent=5)
    await in_database(rename_table)("clients_reservation", "elsewhere")
    try:
        with pytest.raises(LedgerUnavailable):
            await ledger.reserve(client, ONE)
    finally:
        await in_database(rename_table)("elsewhere", "clients_reservation")
    assert await ledger.reserve(client, ONE)


def rename_table(table: str, to: str) -> None:
    with connection.schema_editor() as editor:
        editor.alter_db_table(Reservation, table, to)
