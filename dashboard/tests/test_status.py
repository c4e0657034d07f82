from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Account
from dashboard.status import pool_status
from dashboard.tests.conftest import add_account

pytestmark = pytest.mark.django_db

Block, Status = Account.Block, Account.Status


def test_it_reads_the_whole_pool_with_one_query(django_assert_num_queries):
    for number in range(5):
        add_account(f"account {number}")
    with django_assert_num_queries(1):
        pool = pool_status()
        assert [account.name for account in pool.accounts] == [
            "account 0",
            "account 1",
            "account 2",
            "account 3",
            "account 4",
        ]


def test_it_reads_no_secret(django_assert_num_queries):
    add_account()
    with django_assert_num_queries(1) as queries:
        pool_status()
    sql = queries.captured_queries[0]["sql"]
    selected = sql.split(" FROM ")[0]
    for secret in ("refresh_token", "access_token", "client_id", "client_secret"):
        assert f'"{secret}"' not in selected


def test_accounts_stand_in_the_order_they_are_used():
    add_account("second", position=7)
    add_account("first", position=3)
    assert [account.name for account in pool_status().accounts] == ["first", "second"]


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ({}, Status.READY, None),
        ({"enabled": False}, Status.DISABLED, None),
        ({"blocked_reason": "quota"}, Status.EXHAUSTED, Block.QUOTA),
        (
            {"blocked_reason": "throttled", "blocked_until": HOUR},
            Status.COOLING,
            Block.THROTTLED,
        ),
        (
            {"blocked_reason": "throttled", "blocked_until": -HOUR},
            Status.READY,
            None,
        ),
        ({"blocked_reason": "rejected"}, Status.REJECTED, Block.REJECTED),
        ({"blocked_reason": "suspended"}, Status.SUSPENDED, Block.SUSPENDED),
        ({"blocked_reason": "profile"}, Status.FORBIDDEN, Block.PROFILE),
    ],
)
def test_status_and_reason_are_those_of_this_moment(fields, status, reason):
    if until := fields.get("blocked_until"):
        fields = fields | {"blocked_until": timezone.now() + until}
    add_account(**fields)
    (account,) = pool_status().accounts
    assert (account.status, account.reason) == (status, reason)


def test_it_counts_usable_accounts_and_those_in_trouble():
    add_account()
    add_account()
    add_account(blocked_reason="rejected")
    add_account(enabled=False)
    pool = pool_status()
    assert (pool.total, pool.usable, pool.in_trouble) == (4, 2, 1)


@pytest.mark.parametrize(
    ("fields", "low"),
    [
        ({"available": 5.0}, True),
        ({"available": 5.1}, False),
        ({"available": None}, False),
        ({"available": 0.0, "blocked_reason": "quota"}, False),
    ],
)
def test_a_usable_account_with_five_credits_is_low(fields, low):
    add_account(**fields)
    assert pool_status().accounts[0].low is low


@pytest.mark.parametrize(
    ("available", "limit", "share"),
    [
        (500.0, 2000.0, 25.0),
        (3000.0, 2000.0, 100.0),
        (-3.0, 2000.0, 0.0),
        (500.0, None, None),
        (500.0, 0.0, None),
        (None, 2000.0, None),
    ],
)
def test_the_share_left_is_a_percentage_within_bounds(available, limit, share):
    add_account(available=available, credits_limit=limit)
    assert pool_status().accounts[0].share_left == share


def test_trouble_is_the_reason_it_is_blocked_for_else_the_last_error():
    add_account(blocked_reason="rejected", last_error="the service failed (500)")
    add_account(last_error="the service failed (500)")
    add_account()
    assert [account.trouble for account in pool_status().accounts] == [
        "sign in again: the refresh token is dead",
        "the service failed (500)",
        "",
    ]


def test_a_pool_that_looks_the_same_is_equal_and_else_is_not():
    account = add_account()
    before = pool_status()
    assert pool_status() == before
    account.available = 1.0
    account.save(update_fields=["available"])
    assert pool_status() != before
