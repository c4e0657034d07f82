"""What waits for half a second, and what does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps

from accounts.outcomes import Cancelled, Failed, Served
from accounts.signals import pool_changed
from accounts.tests.conftest import add_account, rename_table
from clients import ratios
from clients.costs import rate_told
from kiro2api.database import in_database
from proxy import settlements

pytestmark = pytest.mark.django_db(transaction=True)

MODEL = "claude-sonnet-5"


@pytest.fixture(autouse=True)
async def drained() -> AsyncIterator[None]:
    yield
    await settlements.close(seconds=10)


@contextmanager
def announced() -> Iterator[list[object]]:
    times: list[object] = []

    def look(sender: object, **_: object) -> None:
        times.append(sender)

    pool_changed.connect(look)
    try:
        yield times
    finally:
        pool_changed.disconnect(look)


async def account(name: str) -> Any:
    accounts = apps.get_model("accounts.Account").objects
    return await in_database(accounts.get)(name=name)


async def test_many_replies_are_counted_and_announced_once():
    ann, bob = [
        (await in_database(add_account)(name)).credential() for name in ("ann", "bob")
    ]
    with announced() as times:
        for _ in range(20):
            settlements.book(ann, Served(0.5))
            settlements.book(bob, Cancelled(0.25))
        assert (await account("ann")).requests == 0
        while (await account("bob")).requests == 0:
            await asyncio.sleep(0.01)
        await settlements.close(seconds=10)
    rows = [await account(name) for name in ("ann", "bob")]
    assert [row.requests for row in rows] == [20, 20]
    assert [row.credits_spent for row in rows] == [10.0, 5.0]
    assert len(times) == 1


async def test_what_is_gathered_is_written_when_the_process_stops():
    credential = (await in_database(add_account)("ann")).credential()
    settlements.book(credential, Served(0.5))
    settlements.book(credential, Failed("no reply"))
    for _ in range(30):
        settlements.learn(MODEL, 1.5)
        settlements.learn_cost(MODEL, rate_told(100, 20, 0.3))
    await settlements.close(seconds=10)
    row = await account("ann")
    assert (row.requests, row.failures, row.last_error) == (2, 1, "no reply")
    assert (await ratios.load())[MODEL] > 1.3
    costs = apps.get_model("clients.ModelCost").objects
    known = await in_database(costs.get)(model_id=MODEL)
    assert known.samples == 30


async def test_while_the_database_is_away_uses_wait_and_are_counted_once(caplog):
    credential = (await in_database(add_account)("ann")).credential()
    await in_database(rename_table)("accounts_account", "elsewhere")
    try:
        settlements.book(credential, Served(0.5))
        while not caplog.records:
            await asyncio.sleep(0.01)
    finally:
        await in_database(rename_table)("elsewhere", "accounts_account")
    await settlements.close(seconds=10)
    row = await account("ann")
    assert (row.requests, row.credits_spent) == (1, 0.5)
