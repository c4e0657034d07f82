"""What a look at accounts and keys finds, and that it is told once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Account
from accounts.signals import pool_changed
from clients import periods
from clients.models import ApiKey, KeyUse
from dashboard.alerts import nudges
from dashboard.alerts.watch import look
from dashboard.models import AlertChannel, OutgoingAlert, StandingAlert
from dashboard.tests.conftest import add_account
from dashboard.tests.listeners import Hook, hook_running
from kiro2api import http
from kiro2api.database import in_database

pytestmark = pytest.mark.django_db(transaction=True)

Block = Account.Block
Events = AlertChannel.Events


def add_channel(**fields) -> AlertChannel:
    usual = {"name": "ops", "events": Events.values, "url": "https://example.com/"}
    return AlertChannel.objects.create(**usual | fields)


def add_healthy_account(name: str, **fields) -> Account:
    tomorrow = timezone.now() + timedelta(days=1)
    return add_account(name, **{"available": 500.0, "resets_at": tomorrow} | fields)


def block(account: Account, reason: str, minutes: float | None = None) -> None:
    now = timezone.now()
    until = None if minutes is None else now + timedelta(minutes=minutes)
    Account.objects.filter(pk=account.pk).update(
        blocked_reason=reason, blocked_since=now, blocked_until=until
    )


def add_key(used: str = "0", tokens: int = 0, **limits) -> ApiKey:
    key = ApiKey(name="ann", **limits)
    key.make_key()
    key.save()
    now = timezone.now()
    for period, start in (("day", periods.day_of), ("month", periods.month_of)):
        KeyUse.objects.create(
            key=key,
            period=period,
            start=start(now),
            requests=1000,
            tokens=tokens,
            credits=Decimal(used),
        )
    return key


def told() -> list[str]:
    """What waits to be sent; then it is forgotten."""
    alerts = list(OutgoingAlert.objects.order_by("pk"))
    OutgoingAlert.objects.all().delete()
    return [alert.news["event"] for alert in alerts]


@pytest.fixture
def pool() -> list[Account]:
    return [add_healthy_account(name) for name in ("ann", "bob", "cid")]


def test_a_pool_in_good_health_is_no_news(pool):
    add_channel(least_credits=1000.0)
    look()
    assert told() == []


@pytest.mark.parametrize(
    "reason",
    [
        Block.REJECTED,
        Block.SUSPENDED,
        Block.PROFILE,
        Block.APPLICATION,
        Block.FEATURE,
    ],
)
def test_an_account_that_waits_for_a_person_is_told_of_once(pool, reason):
    add_channel()
    block(pool[0], reason)
    for _ in range(3):
        look()
    (alert,) = OutgoingAlert.objects.all()
    assert alert.news["event"] == "account_lost"
    assert alert.news["account"] == "ann"
    assert alert.news["reason"] == reason
    assert (alert.news["usable"], alert.news["total"]) == (2, 3)


def test_after_it_came_back_it_may_be_told_of_again(pool):
    add_channel()
    rows = Account.objects.filter(pk=pool[0].pk)
    block(pool[0], Block.REJECTED)
    look()
    rows.update(blocked_reason="", blocked_since=None)
    look()
    block(pool[0], Block.SUSPENDED)
    look()
    assert told() == ["account_lost", "account_back", "account_lost"]


def test_an_account_that_heals_by_time_is_not_lost(pool):
    add_channel()
    block(pool[0], Block.QUOTA, minutes=600)
    look()
    assert told() == []


def test_an_account_that_is_switched_off_is_nobodys_trouble(pool):
    add_channel()
    block(pool[0], Block.REJECTED)
    Account.objects.filter(pk=pool[0].pk).update(enabled=False)
    look()
    assert told() == []


def test_few_usable_accounts_make_the_pool_low_and_none_make_it_empty(pool):
    add_channel()
    block(pool[0], Block.QUOTA, minutes=600)
    block(pool[1], Block.THROTTLED, minutes=10)
    look()
    assert told() == ["pool_low"]
    block(pool[2], Block.QUOTA, minutes=600)
    look()
    assert told() == ["pool_empty"]


def test_accounts_that_are_back_soon_count(pool):
    add_channel()
    for account in pool:
        block(account, Block.THROTTLED, minutes=1)
    look()
    assert told() == []


def test_accounts_at_their_floor_do_not_count(pool):
    add_channel(least_accounts=3)
    Account.objects.filter(pk=pool[0].pk).update(credit_floor=500.0)
    look()
    assert told() == ["pool_low"]


def test_credits_below_the_floor_do_not_count(pool):
    add_channel(least_accounts=None, least_credits=1500.0)
    look()
    assert told() == []
    Account.objects.filter(pk=pool[0].pk).update(credit_floor=1.0)
    look()
    assert told() == ["pool_low"]


@pytest.mark.parametrize(
    "unknown", [{"available": None}, {"resets_at": timezone.now() - timedelta(hours=1)}]
)
def test_credits_that_are_not_known_make_no_pool_low(pool, unknown):
    add_channel(least_accounts=None, least_credits=5000.0)
    Account.objects.filter(pk=pool[0].pk).update(**unknown)
    look()
    assert told() == []


@pytest.mark.parametrize(
    ("limits", "used", "tokens", "expected"),
    [
        ({"credits_per_day": 10}, "7.9", 0, []),
        ({"credits_per_day": 10}, "8", 0, ["key_nearly_used"]),
        ({"credits_per_day": 10}, "10.5", 0, ["key_used_up"]),
        ({"credits_per_month": 10}, "8", 0, ["key_nearly_used"]),
        ({"tokens_per_day": 1000}, "0", 850, ["key_nearly_used"]),
        ({"tokens_per_month": 1000}, "0", 1000, ["key_used_up"]),
        ({"credits_per_day": 10, "tokens_per_day": 1000}, "9", 10, ["key_nearly_used"]),
        ({"requests_per_minute": 1}, "100", 1000, []),
        ({"credits_per_day": 10, "enabled": False}, "8", 0, []),
    ],
)
def test_quotas_of_keys(pool, limits, used, tokens, expected):
    add_channel()
    add_key(used, tokens, **limits)
    for _ in range(3):
        look()
    assert told() == expected


def test_what_a_key_used_yesterday_is_over(pool):
    add_channel()
    add_key("9", credits_per_day=10)
    KeyUse.objects.update(start=periods.day_of(timezone.now()) - timedelta(days=1))
    look()
    assert told() == []


def test_every_channel_is_told_what_it_wants(pool):
    add_channel(name="all")
    add_channel(name="pool", events=[Events.POOL_EMPTY])
    add_channel(name="off", enabled=False)
    block(pool[0], Block.REJECTED)
    look()
    (alert,) = OutgoingAlert.objects.all()
    assert str(alert.channel) == "all"


def test_many_who_look_at_once_tell_once(pool):
    """Each in a thread and on a connection of its own, as processes are."""
    add_channel()
    for account in pool:
        block(account, Block.REJECTED)

    def look_from_elsewhere(_number: int) -> None:
        try:
            look()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as others:
        list(others.map(look_from_elsewhere, range(24)))
    assert sorted(told()) == ["account_lost"] * 3 + ["pool_empty"]
    assert StandingAlert.objects.count() == 5


def test_without_a_channel_a_look_costs_one_query(pool, django_assert_num_queries):
    add_channel(enabled=False)
    with django_assert_num_queries(1):
        look()


def test_a_look_costs_the_same_however_many_accounts_and_keys(
    pool, django_assert_max_num_queries
):
    add_channel()
    for number in range(20):
        add_healthy_account(f"number {number}")
        add_key(credits_per_day=10)
    with django_assert_max_num_queries(12):
        look()


@pytest.fixture
def hook() -> Iterator[Hook]:
    with hook_running() as hook:
        yield hook


@pytest.fixture
async def serving():
    nudges.begin()
    yield
    await nudges.end()
    await http.close()


@in_database
def lose_all() -> None:
    for account in Account.objects.all():
        block(account, Block.REJECTED)


async def until_told(hook: Hook, count: int) -> None:
    async with asyncio.timeout(30):
        while len(hook.posts) < count:
            await asyncio.sleep(0.02)


async def test_the_gateway_tells_soon_after_the_pool_has_changed(serving, hook):
    """Of one change as of many: it looks once, when they have settled."""
    await in_database(add_channel)(url=hook.url)
    await in_database(add_healthy_account)("ann")
    await lose_all()
    for _ in range(50):
        await pool_changed.asend(None)
    await until_told(hook, 2)
    assert sorted(hook.events) == ["account_lost", "pool_empty"]


async def test_a_database_that_is_away_is_survived(serving, hook, caplog):
    await in_database(add_healthy_account)("ann")
    await lose_all()
    await in_database(rename)("dashboard_alertchannel", "elsewhere")
    try:
        await pool_changed.asend(None)
        async with asyncio.timeout(30):
            while "was not looked at" not in caplog.text:
                await asyncio.sleep(0.02)
    finally:
        await in_database(rename)("elsewhere", "dashboard_alertchannel")
    await in_database(add_channel)(url=hook.url)
    await pool_changed.asend(None)
    await until_told(hook, 2)


def rename(table: str, to: str) -> None:
    with connection.schema_editor() as editor:
        editor.alter_db_table(AlertChannel, table, to)
