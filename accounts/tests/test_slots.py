"""Accounts that take only so many requests at once, or a minute."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import pool, slots, strategy, waiting
from accounts.choice import Wish, choose
from accounts.models import Account, PoolSettings, Slot
from accounts.outcomes import (
    ANY_ACCOUNT,
    Credential,
    Need,
    PoolExhausted,
    Served,
    Suspended,
    Throttled,
)
from accounts.tests.conftest import add_account, change
from kiro2api.database import in_database

pytestmark = pytest.mark.django_db(transaction=True)

Strategy = PoolSettings.Strategy


@pytest.fixture(autouse=True)
def patience(settings):
    settings.POOL_QUEUE_SECONDS = 30.0
    settings.POOL_QUEUE_MOST = 100


def ago(**delta: float):
    return timezone.now() - timedelta(**delta)


def chosen() -> str:
    choice = choose(Wish(ANY_ACCOUNT, set()))
    return choice.account.name if choice else ""


async def until_all_wait(count: int) -> None:
    """Until so many requests stand in line."""
    async with asyncio.timeout(10):
        while waiting.lines().count < count:
            await asyncio.sleep(0.01)


async def running() -> int:
    return await in_database(Slot.objects.filter(released=False).count)()


# How many


def test_an_account_takes_so_many_at_once():
    add_account("a", max_concurrent=2)
    add_account("b")
    assert [chosen() for _ in range(4)] == ["a", "a", "b", "b"]
    slots.release(Slot.objects.earliest("pk").pk)
    assert [chosen() for _ in range(2)] == ["a", "b"]


def test_an_account_takes_so_many_a_minute():
    add_account("a", requests_per_minute=2)
    add_account("b")
    assert [chosen() for _ in range(3)] == ["a", "a", "b"]
    for slot in Slot.objects.all():
        slots.release(slot.pk)
    assert chosen() == "b"
    Slot.objects.filter(pk=Slot.objects.earliest("pk").pk).update(
        taken_at=ago(seconds=61)
    )
    assert [chosen() for _ in range(2)] == ["a", "b"]


def test_both_limits_hold():
    add_account("a", max_concurrent=1, requests_per_minute=2)
    assert [chosen() for _ in range(2)] == ["a", ""]
    slots.release(Slot.objects.get().pk)
    assert [chosen() for _ in range(2)] == ["a", ""]
    slots.release(Slot.objects.latest("pk").pk)
    assert chosen() == ""


def test_what_a_killed_process_held_comes_back_by_time():
    add_account("a", max_concurrent=1)
    assert [chosen() for _ in range(2)] == ["a", ""]
    assert Slot.objects.get().until > timezone.now()
    Slot.objects.update(until=ago(seconds=1))
    assert chosen() == "a"


def test_slots_that_say_nothing_any_more_are_deleted():
    account = add_account("a", max_concurrent=3)
    for taken, until, released in (
        (ago(minutes=2), ago(minutes=-9), True),
        (ago(minutes=20), ago(minutes=5), False),
        (ago(minutes=2), ago(minutes=-9), False),  # still running
        (ago(seconds=9), ago(minutes=-9), True),  # counts for its minute
    ):
        Slot.objects.create(
            account=account, taken_at=taken, until=until, released=released
        )
    assert chosen() == "a"
    assert Slot.objects.count() == 3


def test_an_account_without_limits_costs_nothing_more():
    add_account("a")
    strategy.current()
    with CaptureQueriesContext(connection) as queries:
        assert chosen() == "a"
    assert len(queries) == 1
    assert not Slot.objects.exists()


def test_a_full_pool_is_passed_by_in_one_query():
    for number in range(50):
        add_account(f"a{number}", max_concurrent=1)
    for account in Account.objects.all():
        Slot.objects.create(
            account=account, taken_at=ago(seconds=9), until=ago(minutes=-9)
        )
    add_account("free")
    strategy.current()
    with CaptureQueriesContext(connection) as queries:
        assert chosen() == "free"
    assert len(queries) == 1


@pytest.mark.parametrize("name", Strategy)
async def test_checkouts_at_once_never_take_more_than_there_is(
    use_strategy, settings, name
):
    settings.POOL_QUEUE_SECONDS = 0.0
    await in_database(use_strategy)(name)
    limits: dict[str, dict[str, Any]] = {
        "a": {"max_concurrent": 3},
        "b": {"requests_per_minute": 4},
        "c": {"max_concurrent": 2, "requests_per_minute": 9},
    }
    for account, fields in limits.items():
        await in_database(add_account)(account, requests=500, **fields)
    results = await asyncio.gather(
        *(pool.checkout() for _ in range(30)), return_exceptions=True
    )
    taken = Counter(got.account for got in results if isinstance(got, Credential))
    assert taken == {"a": 3, "b": 4, "c": 2}
    refused = [got for got in results if isinstance(got, PoolExhausted)]
    assert [error.shortage for error in refused] == ["busy"] * 21
    assert await running() == 9


# Given back


@pytest.mark.parametrize("outcome", [Served(1.0), Throttled(5), Suspended(), None])
async def test_a_slot_is_given_back_whatever_came_of_the_call(outcome):
    await in_database(add_account)("a", max_concurrent=1)
    credential = await pool.checkout()
    assert credential.slot is not None
    if outcome:
        await pool.settle(credential, outcome)
    await pool.give_back(credential)
    assert await running() == 0


async def test_without_a_slot_there_is_nothing_to_give_back():
    await in_database(add_account)("a")
    credential = await pool.checkout()
    assert credential.slot is None
    await pool.give_back(credential)


async def test_an_account_without_a_token_gives_its_slot_back(known_account):
    dead = await known_account("dead", refresh_fault="invalid_grant")
    await change(dead, max_concurrent=1)
    await known_account("good")
    assert (await pool.checkout()).account == "good"
    await slots.finish()
    assert await running() == 0


async def test_a_client_that_hangs_up_during_a_renewal_gives_its_slot_back(
    known_account, simulator
):
    account = await known_account("a", refresh_gate="slow")
    await change(account, max_concurrent=1)
    checkout = asyncio.create_task(pool.checkout())
    await asyncio.to_thread(simulator.wait_for_gate, "slow")
    assert await running() == 1
    checkout.cancel()
    with pytest.raises(asyncio.CancelledError):
        await checkout
    await slots.finish()
    assert await running() == 0
    await asyncio.to_thread(simulator.open_gate, "slow")
    assert (await pool.checkout()).account == "a"


async def test_a_client_that_hangs_up_at_any_step_leaves_nothing_taken():
    """Cancelled after more and more steps of the loop, until it is through."""
    await in_database(add_account)("a", max_concurrent=1)
    steps = 0
    while True:
        steps += 1 + steps // 4
        checkout = asyncio.create_task(pool.checkout())
        for _ in range(steps):
            await asyncio.sleep(0)
        if checkout.done():
            break
        checkout.cancel()
        with pytest.raises(asyncio.CancelledError):
            await checkout
        async with asyncio.timeout(10):
            while await running():
                await asyncio.sleep(0.001)
    credential = await checkout
    await pool.give_back(credential)
    assert await running() == 0


# Waiting


async def test_a_request_waits_until_there_is_room():
    await in_database(add_account)("a", max_concurrent=1)
    first = await pool.checkout()
    waits = asyncio.create_task(pool.checkout())
    await until_all_wait(1)
    await pool.settle(first, Served(1.0))
    assert (await waits).account == "a"
    assert await running() == 1


async def test_those_who_wait_are_served_in_order_and_not_overtaken():
    await in_database(add_account)("a", max_concurrent=1)
    held = await pool.checkout()
    served: list[int] = []

    async def one(number: int) -> None:
        credential = await pool.checkout()
        served.append(number)
        await pool.settle(credential, Served(1.0))

    tasks = []
    for number in range(5):
        tasks.append(asyncio.create_task(one(number)))
        await until_all_wait(number + 1)
    await pool.settle(held, Served(1.0))
    await asyncio.gather(*tasks, one(5))
    assert served == [0, 1, 2, 3, 4, 5]
    assert await running() == 0


async def test_what_another_process_gives_back_is_seen():
    await in_database(add_account)("a", max_concurrent=1)
    held = await pool.checkout()
    waits = asyncio.create_task(pool.checkout())
    await until_all_wait(1)
    assert held.slot is not None
    await in_database(slots.release)(held.slot)
    assert (await waits).account == "a"


async def test_whoever_waits_takes_any_account_that_comes_free():
    await in_database(add_account)("a", max_concurrent=1)
    await pool.checkout()
    waits = asyncio.create_task(pool.checkout())
    await until_all_wait(1)
    await in_database(add_account)("b")
    assert (await waits).account == "b"


async def test_those_who_wait_hear_when_there_is_nothing_to_wait_for():
    account = await in_database(add_account)("a", max_concurrent=1)
    await pool.checkout()
    waits = asyncio.create_task(pool.checkout())
    await until_all_wait(1)
    await change(account, blocked_reason=Account.Block.SUSPENDED)
    with pytest.raises(PoolExhausted) as raised:
        await waits
    assert raised.value.shortage == "rejected"


async def test_a_request_that_has_waited_for_long_enough_is_refused(settings):
    settings.POOL_QUEUE_SECONDS = 0.1
    await in_database(add_account)("a", max_concurrent=1)
    await pool.checkout()
    with pytest.raises(PoolExhausted) as raised:
        await pool.checkout()
    assert raised.value.shortage == "busy"
    assert raised.value.until is not None
    assert not waiting.lines().count


async def test_a_crowd_is_refused_at_once(settings):
    settings.POOL_QUEUE_MOST = 1
    await in_database(add_account)("a", max_concurrent=1)
    held = await pool.checkout()
    waits = asyncio.create_task(pool.checkout())
    await until_all_wait(1)
    with pytest.raises(PoolExhausted) as raised:
        await pool.checkout()
    assert raised.value.shortage == "busy"
    await pool.settle(held, Served(1.0))
    await waits


async def test_a_client_that_hangs_up_leaves_the_line():
    await in_database(add_account)("a", max_concurrent=1)
    held = await pool.checkout()
    gone, stays = (asyncio.create_task(pool.checkout()) for _ in range(2))
    await until_all_wait(2)
    gone.cancel()
    await pool.settle(held, Served(1.0))
    assert (await stays).account == "a"
    assert await running() == 1


async def test_a_person_who_names_an_account_does_not_wait():
    account = await in_database(add_account)("a", max_concurrent=1)
    await pool.checkout()
    named = await pool.checkout(Need(account_id=account.pk))
    assert (named.account, named.slot) == ("a", None)
