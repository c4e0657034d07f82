"""Where sessions are at home."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import pool, sessions, strategy
from accounts.choice import Wish, choose
from accounts.models import Account, PoolSettings, SessionHome
from accounts.outcomes import Need, QuotaExhausted, Served
from accounts.tests.conftest import add_account, change
from kiro2api.database import in_database

pytestmark = pytest.mark.django_db(transaction=True)

Strategy = PoolSettings.Strategy
FAIR = [Strategy.LEAST_USED, Strategy.ROUND_ROBIN]


def ago(**delta: float):
    return timezone.now() - timedelta(**delta)


def chosen(session: str = "", model: str = "") -> str:
    choice = choose(Wish(Need(session=session, model=model), set()))
    return choice.account.name if choice else ""


@pytest.fixture
def abc() -> list[Account]:
    return [add_account(name, requests=500) for name in "abc"]


@pytest.mark.parametrize("fair", FAIR)
def test_a_session_stays_while_others_spread(use_strategy, abc, fair):
    use_strategy(fair)
    home = chosen("mine")
    others = {chosen(f"session {number}") for number in range(6)}
    assert others == {"a", "b", "c"}
    assert {chosen("mine") for _ in range(5)} == {home}


def test_what_a_session_uses_is_work_too(use_strategy, abc):
    use_strategy(Strategy.LEAST_USED)
    assert [chosen("mine") for _ in range(4)] == ["a"] * 4
    assert [chosen() for _ in range(2)] == ["b", "c"]


@pytest.mark.parametrize(
    "out",
    [
        {"blocked_reason": Account.Block.QUOTA, "blocked_until": ago(days=-1)},
        {"enabled": False},
        {"served_models": {"other": True}},
        {"credit_floor": 9.0, "available": 3.0},
    ],
    ids=lambda out: next(iter(out)),
)
def test_a_session_moves_when_its_account_is_out(use_strategy, abc, out):
    use_strategy(Strategy.LEAST_USED)
    assert chosen("mine", "m") == "a"
    Account.objects.filter(name="a").update(**out)
    new = chosen("mine", "m")
    assert new in ("b", "c")
    Account.objects.filter(name="a").update(
        blocked_reason="",
        blocked_until=None,
        enabled=True,
        served_models={},
        credit_floor=0.0,
    )
    assert {chosen("mine", "m") for _ in range(4)} == {new}


async def test_a_session_moves_on_within_a_request_that_its_account_fails(
    use_strategy,
):
    await in_database(use_strategy)(Strategy.LEAST_USED)
    for name in "ab":
        await in_database(add_account)(name, requests=500)
    need = Need(session="mine")
    first = await pool.checkout(need)
    await pool.settle(first, QuotaExhausted(ago(hours=-1)))
    second = await pool.checkout(need, {first.account_id})
    await pool.settle(second, Served())
    assert (first.account, second.account) == ("a", "b")
    assert (await pool.checkout(need)).account == "b"


def test_without_room_at_home_a_session_is_a_guest_elsewhere(use_strategy, abc):
    use_strategy(Strategy.LEAST_USED)
    Account.objects.filter(name="a").update(max_concurrent=1)
    choice = choose(Wish(Need(session="mine"), set()))
    assert choice
    assert choice.account.name == "a"
    assert chosen("mine") == "b"
    Account.objects.filter(name="a").update(max_concurrent=2)
    assert chosen("mine") == "a"


def test_a_session_gives_up_a_home_that_is_full_for_longer_than_the_wait(
    use_strategy, abc, settings
):
    settings.POOL_QUEUE_SECONDS = 30.0
    use_strategy(Strategy.LEAST_USED)
    Account.objects.filter(name="a").update(max_concurrent=1)
    assert chosen("mine") == "a"
    SessionHome.objects.update(used_at=ago(seconds=91))
    assert chosen("mine") == "b"
    Account.objects.filter(name="a").update(max_concurrent=None)
    assert chosen("mine") == "b"


def test_an_hour_after_its_last_use_a_session_is_forgotten(use_strategy, abc):
    use_strategy(Strategy.LEAST_USED)
    for session in ("rests", "works"):
        chosen(session)
    SessionHome.objects.filter(session="rests").update(used_at=ago(minutes=61))
    SessionHome.objects.filter(session="works").update(used_at=ago(minutes=59))
    assert sessions.home_of("rests") is None
    assert sessions.home_of("works") is not None
    assert sessions.forget_old() == 1
    assert [home.session for home in SessionHome.objects.all()] == ["works"]


def test_use_is_written_down_once_a_minute(use_strategy, abc):
    use_strategy(Strategy.LEAST_USED)
    chosen("mine")
    first = SessionHome.objects.get().used_at
    chosen("mine")
    assert SessionHome.objects.get().used_at == first
    SessionHome.objects.update(used_at=ago(seconds=61))
    chosen("mine")
    assert SessionHome.objects.get().used_at >= first


def test_a_session_costs_one_read_and_seldom_a_write(use_strategy, abc):
    use_strategy(Strategy.LEAST_USED)
    strategy.current()
    costs = []
    for session in ("", "mine", "mine"):
        with CaptureQueriesContext(connection) as queries:
            chosen(session)
        costs.append([query["sql"].split()[0] for query in queries])
    plain, first, again = costs
    assert plain == ["SELECT", "UPDATE"]
    assert first == ["SELECT", *plain, "BEGIN", "INSERT", "COMMIT"]
    assert again == ["SELECT", *plain]


def test_in_order_no_session_is_written_down(abc):
    assert chosen("mine") == "a"
    assert not SessionHome.objects.exists()


async def test_first_requests_of_a_session_at_once_agree_afterwards(use_strategy):
    await in_database(use_strategy)(Strategy.LEAST_USED)
    for name in "abc":
        await in_database(add_account)(name, requests=500)
    need = Need(session="mine")
    await asyncio.gather(*(pool.checkout(need) for _ in range(6)))
    home = (await in_database(SessionHome.objects.get)()).account_id
    for _ in range(4):
        assert (await pool.checkout(need)).account_id == home


async def test_a_deleted_account_takes_its_sessions_along(use_strategy):
    await in_database(use_strategy)(Strategy.LEAST_USED)
    account = await in_database(add_account)("a")
    await pool.checkout(Need(session="mine"))
    await change(account, enabled=False)
    await in_database(account.delete)()
    assert not await in_database(SessionHome.objects.exists)()
