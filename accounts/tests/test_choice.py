"""Which account is chosen, under each strategy."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import pool, strategy
from accounts.choice import Wish, choose
from accounts.models import Account, AccountGroup, PoolSettings
from accounts.outcomes import ANY_ACCOUNT, Need
from accounts.scarcity import why_none
from accounts.tests.conftest import add_account
from kiro2api.database import in_database

pytestmark = pytest.mark.django_db(transaction=True)

Block, Strategy = Account.Block, PoolSettings.Strategy
FAIR = [Strategy.LEAST_USED, Strategy.ROUND_ROBIN]


def ago(**delta: float):
    return timezone.now() - timedelta(**delta)


def seasoned(name: str, **fields: Any) -> Account:
    """An account that is past its warm-up."""
    return add_account(name, **{"requests": 500} | fields)


def chosen(need: Need = ANY_ACCOUNT, passed_over: set[int] | None = None) -> str:
    choice = choose(Wish(need, passed_over or set()))
    return choice.account.name if choice else ""


def chosen_times(times: int, need: Need = ANY_ACCOUNT) -> Counter[str]:
    return Counter(chosen(need) for _ in range(times))


# The strategies


def test_in_order_the_first_serves_and_nothing_is_written(django_assert_num_queries):
    for name in "abc":
        seasoned(name)
    strategy.current()
    with django_assert_num_queries(4) as queries:
        assert chosen_times(4) == {"a": 4}
    assert all(query["sql"].startswith("SELECT") for query in queries)


@pytest.mark.parametrize("fair", FAIR)
def test_work_is_spread_evenly(use_strategy, fair):
    use_strategy(fair)
    for name in "abc":
        seasoned(name)
    assert chosen_times(30) == {"a": 10, "b": 10, "c": 10}


def test_least_used_goes_by_the_share_of_the_work(use_strategy):
    use_strategy(Strategy.LEAST_USED)
    for name, share in (("a", 8.0), ("b", 7.0), ("c", 9.0)):
        seasoned(name, share=share)
    assert [chosen() for _ in range(5)] == ["b", "a", "a", "b", "c"]


def test_round_robin_takes_whose_turn_was_longest_ago(use_strategy):
    use_strategy(Strategy.ROUND_ROBIN)
    a, b, c = (seasoned(name) for name in "abc")
    assert chosen(passed_over={a.pk, b.pk}) == "c"
    assert chosen(passed_over={a.pk, c.pk}) == "b"
    assert [chosen() for _ in range(4)] == ["a", "c", "b", "a"]


@pytest.mark.parametrize("fair", FAIR)
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"share": 40.0, "chosen_at": ago(days=9)},
        {
            "share": 40.0,
            "blocked_reason": Block.QUOTA,
            "blocked_until": ago(minutes=1),
        },
    ],
    ids=["new", "enabled again", "healed"],
)
def test_whoever_was_away_joins_at_the_level_of_the_others(use_strategy, fair, fields):
    use_strategy(fair)
    for name in "ab":
        seasoned(name, share=1000.0)
    seasoned("c", **fields)
    assert chosen() == "c"
    counts = chosen_times(30)
    assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("fair", FAIR)
def test_many_that_were_away_join_at_once(use_strategy, fair):
    use_strategy(fair)
    seasoned("a", share=1000.0)
    for name in "bcdefghij":
        seasoned(name, share=10.0)
    counts = chosen_times(100)
    assert set(counts.values()) <= {9, 10, 11}


def test_a_change_of_strategy_floods_nobody(use_strategy):
    for name, share in (("a", 900.0), ("b", 5.0), ("c", 300.0)):
        seasoned(name, share=share)
    use_strategy(Strategy.ROUND_ROBIN)
    assert set(chosen_times(30).values()) == {10}
    use_strategy(Strategy.LEAST_USED)
    assert set(chosen_times(30).values()) <= {9, 10, 11}


def test_other_processes_see_a_change_within_two_seconds(use_strategy):
    use_strategy(Strategy.SEQUENTIAL)
    assert strategy.current() == Strategy.SEQUENTIAL
    PoolSettings.objects.update(strategy=Strategy.ROUND_ROBIN)
    assert strategy.current() == Strategy.SEQUENTIAL
    assert 0 < strategy.REMEMBERED_SECONDS <= 2
    strategy.forget()
    assert strategy.current() == Strategy.ROUND_ROBIN


def test_without_the_row_the_order_counts():
    PoolSettings.objects.all().delete()
    strategy.forget()
    assert strategy.current() == Strategy.SEQUENTIAL


# Warm-up


@pytest.mark.parametrize("fair", FAIR)
def test_a_new_account_gets_its_requests_one_after_the_other(use_strategy, fair):
    use_strategy(fair)
    for name in "ab":
        seasoned(name, share=1000.0)
    new = add_account("new")
    assert [chosen() for _ in range(3)] == ["new", "a", "b"]
    assert "new" not in chosen_times(20)
    # One that has ended, but only just begun: still behind.
    over = Account.objects.filter(pk=new.pk)
    over.update(requests=1, last_used_at=timezone.now())
    assert "new" not in chosen_times(6)
    over.update(chosen_at=ago(seconds=30), last_used_at=ago(seconds=3))
    assert chosen() == "new"


@pytest.mark.parametrize("fair", FAIR)
def test_a_fresh_pool_of_new_accounts_serves_at_once(use_strategy, fair):
    use_strategy(fair)
    for name in "abc":
        add_account(name)
    assert chosen_times(30) == {"a": 10, "b": 10, "c": 10}


def test_an_end_that_nobody_told_does_not_keep_an_account_behind(use_strategy):
    use_strategy(Strategy.LEAST_USED)
    add_account("a", chosen_at=ago(minutes=6), share=1.0)
    seasoned("b", share=2.0)
    assert chosen() == "a"


# What a request needs


def test_groups_serve_their_own_and_nobody_else():
    for name in ("a", "b", "c"):
        seasoned(name)
    team, other = (AccountGroup.objects.create(name=n) for n in ("team", "other"))
    Account.objects.get(name="a").groups.add(team)
    Account.objects.get(name="b").groups.add(team, other)
    assert chosen() == "c"
    assert chosen(Need(group="team")) == "a"
    assert chosen(Need(group="other")) == "b"
    assert chosen(Need(group="unknown")) == ""
    told = why_none(Wish(Need(group="unknown"), set()))
    assert (told.shortage, told.group) == ("none", "unknown")


def test_a_key_without_a_group_gets_no_account_of_one():
    seasoned("a").groups.add(AccountGroup.objects.create(name="team"))
    assert chosen() == ""
    assert why_none(Wish(ANY_ACCOUNT, set())).shortage == "none"


def test_an_account_serves_only_the_models_it_is_meant_for():
    models = {"models_read_at": timezone.now(), "offered_models": {"x": {}, "y": {}}}
    seasoned("a", served_models={"x": True}, **models)
    seasoned("b", served_models={}, **models)
    assert chosen(Need(model="x")) == "a"
    assert chosen(Need(model="y")) == "b"
    Account.objects.filter(name="b").update(served_models={"x": True})
    assert chosen(Need(model="y")) == ""
    assert why_none(Wish(Need(model="y"), set())).shortage == "no_model"


LATER, EARLIER = timezone.now() + timedelta(days=9), timezone.now() - timedelta(days=9)


@pytest.mark.parametrize(
    ("fields", "left_alone"),
    [
        ({"credit_floor": 50.0, "available": 50.0}, True),
        ({"credit_floor": 50.0, "available": 49.5, "resets_at": LATER}, True),
        ({"credit_floor": 50.0, "available": -1.0}, True),
        ({"credit_floor": 50.0, "available": 50.1}, False),
        ({"credit_floor": 50.0, "available": None}, False),
        ({"credit_floor": 50.0, "available": 3.0, "resets_at": EARLIER}, False),
        ({"credit_floor": 0.0, "available": 0.0}, False),
        ({"credit_floor": 0.0, "available": -3.0}, False),
    ],
)
def test_an_account_is_left_alone_at_its_floor_of_credits(fields, left_alone):
    account = seasoned("a", **fields)
    assert chosen() == ("" if left_alone else "a")
    status = Account.Status.AT_FLOOR if left_alone else Account.Status.READY
    assert account.status == status
    now = timezone.now()
    for each in Account.Status:
        rows = Account.objects.all().with_status(each, now)
        assert rows.exists() == (each == status)
    if left_alone:
        told = why_none(Wish(ANY_ACCOUNT, set()))
        assert (told.shortage, told.until) == ("quota", fields.get("resets_at"))


def test_whichever_is_back_first_says_why_there_is_none():
    soon, sooner = (timezone.now() + timedelta(hours=hours) for hours in (2, 1))
    seasoned("a", credit_floor=5.0, available=1.0, resets_at=soon)
    assert why_none(Wish(ANY_ACCOUNT, set())).until == soon
    seasoned("b", blocked_reason=Block.THROTTLED, blocked_until=sooner)
    told = why_none(Wish(ANY_ACCOUNT, set()))
    assert (told.shortage, told.until) == ("cooling", sooner)


# Several at once


@pytest.mark.parametrize("fair", FAIR)
async def test_checkouts_at_once_do_not_flood_one_account(use_strategy, fair):
    await in_database(use_strategy)(fair)
    for name in "abcd":
        await in_database(seasoned)(name)
    taken = await asyncio.gather(*(pool.checkout() for _ in range(40)))
    counts = Counter(credential.account for credential in taken)
    assert set(counts.values()) == {10}


def test_a_turn_that_somebody_else_has_had_is_not_had_twice(use_strategy):
    """Another process chooses between our reading and our writing."""
    use_strategy(Strategy.LEAST_USED)
    a = seasoned("a")
    seasoned("b")
    stolen: list[int] = []

    def steal(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and not stolen:
            stolen.append(a.pk)
            Account.objects.filter(pk=a.pk).update(share=1.0)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(steal):
        assert chosen() == "b"
    assert stolen
    shares = Account.objects.in_order().values_list("share", flat=True)
    assert list(shares) == [1.0, 1.0]


# The cost


def many(count: int) -> None:
    Account.objects.bulk_create(
        Account(
            name=f"account {number}",
            position=number,
            requests=500,
            share=float(number % 7),
            access_token="aoa",
            access_expires_at=timezone.now() + timedelta(hours=1),
        )
        for number in range(count)
    )


def queries_of(need: Need) -> list[str]:
    strategy.current()
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert chosen(need)
    return [query["sql"] for query in captured]


@pytest.mark.parametrize(
    ("name", "need", "kinds"),
    [
        (Strategy.SEQUENTIAL, ANY_ACCOUNT, ["SELECT"]),
        (Strategy.SEQUENTIAL, Need(model="m", session="s"), ["SELECT"]),
        (Strategy.LEAST_USED, ANY_ACCOUNT, ["SELECT", "UPDATE"]),
        (Strategy.ROUND_ROBIN, ANY_ACCOUNT, ["SELECT", "UPDATE"]),
    ],
)
def test_a_choice_costs_as_much_among_many_accounts(use_strategy, name, need, kinds):
    use_strategy(name)
    many(3)
    few = queries_of(need)
    many(997)
    for queries in (few, queries_of(need)):
        assert [query.split()[0] for query in queries] == kinds


@pytest.mark.parametrize(
    ("name", "index"),
    [
        (Strategy.SEQUENTIAL, "account_in_order"),
        (Strategy.LEAST_USED, "account_by_share"),
        (Strategy.ROUND_ROBIN, "account_by_share"),
    ],
)
@pytest.mark.parametrize("need", [ANY_ACCOUNT, Need(model="m"), Need(group="g")])
def test_a_choice_among_many_goes_by_index(use_strategy, name, index, need):
    use_strategy(name)
    many(1000)
    group = AccountGroup.objects.create(name="g")
    through = Account.groups.through
    ids = Account.objects.values_list("pk", flat=True)
    if need.group:
        through.objects.bulk_create(
            through(account_id=pk, accountgroup_id=group.pk) for pk in ids
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    chooses = queries_of(need)[0]
    with connection.cursor() as cursor:
        explain = (
            "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        )
        cursor.execute(f"{explain} {chooses}")
        plan = "\n".join(str(line) for line in cursor.fetchall())
    assert index in plan, plan
    assert "Sort" not in plan and "TEMP B-TREE" not in plan, plan
