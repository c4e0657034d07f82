"""Every outcome's effect on the row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.blocking import next_month
from accounts.models import Account
from accounts.outcomes import (
    Cancelled,
    Failed,
    ModelMissing,
    ModelUnavailable,
    NotPermitted,
    QuotaExhausted,
    Served,
    Suspended,
    Throttled,
    TokenRefused,
)
from accounts.settlement import settle
from accounts.tests.conftest import add_account

pytestmark = pytest.mark.django_db

Block = Account.Block


def after(outcome, account: Account | None = None) -> Any:
    account = account or add_account()
    settle(account.credential(), outcome)
    return Account.objects.with_secrets().get(pk=account.pk)


def from_now(**delta: float) -> datetime:
    return timezone.now() + timedelta(**delta)


def minutes_blocked(account: Account) -> int:
    assert account.blocked_until is not None
    return round((account.blocked_until - timezone.now()).total_seconds() / 60)


def test_served_counts_and_clears_the_error():
    before = add_account(
        available=10.0, requests=4, credits_spent=1.5, refusals=2, last_error="x"
    )
    row = after(Served(0.25), before)
    assert (row.requests, row.failures) == (5, 0)
    assert (row.credits_spent, row.available) == (1.75, 9.75)
    assert row.last_used_at is not None
    assert (row.refusals, row.last_error) == (0, "")
    assert not row.blocked


def test_what_is_left_stays_unknown_when_it_was():
    assert after(Served(0.25)).available is None


def test_cancelled_counts_without_blame():
    row = after(Cancelled(0.5), add_account(last_error="x", refusals=1))
    assert (row.requests, row.failures, row.credits_spent) == (1, 0, 0.5)
    assert (row.last_error, row.refusals) == ("x", 1)


def test_failed_is_blamed_but_not_blocked():
    row = after(Failed("the service failed"))
    assert (row.requests, row.failures) == (1, 1)
    assert row.last_error == "the service failed"
    assert row.last_error_at is not None
    assert not row.blocked


@pytest.mark.parametrize("outcome", [ModelUnavailable(), ModelMissing()])
def test_what_is_wrong_with_a_model_leaves_the_row_alone(outcome):
    account = add_account()
    before = Account.objects.filter(pk=account.pk).values().get()
    settle(account.credential(), outcome)
    assert Account.objects.filter(pk=account.pk).values().get() == before


def test_quota_blocks_until_the_reset_that_was_told():
    reset = from_now(days=3)
    row = after(QuotaExhausted(reset), add_account(available=0.5))
    assert (row.blocked_reason, row.blocked_until) == (Block.QUOTA, reset)
    assert row.blocked_since is not None
    assert (row.requests, row.failures, row.available) == (1, 1, 0.0)
    assert row.last_error == "out of credits"


def test_quota_blocks_until_the_reset_the_row_knows():
    reset = from_now(days=5)
    assert after(QuotaExhausted(), add_account(resets_at=reset)).blocked_until == reset


@pytest.mark.parametrize("told", [None, datetime(2020, 1, 1, tzinfo=UTC)])
def test_quota_blocks_until_next_month_when_no_reset_is_ahead(told):
    row = after(QuotaExhausted(told), add_account(resets_at=from_now(days=-1)))
    assert row.blocked_until == next_month(timezone.now())


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
        (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
    ],
)
def test_months_turn_in_utc(now, first):
    assert next_month(now) == first


@pytest.mark.parametrize(
    ("told", "least", "most"), [(30, 29, 30), (0, 0, 1), (1e9, 899, 900)]
)
def test_throttled_blocks_as_long_as_told_within_bounds(told, least, most):
    row = after(Throttled(told))
    assert row.blocked_reason == Block.THROTTLED
    assert from_now(seconds=least - 1) < row.blocked_until <= from_now(seconds=most)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Suspended(), Block.SUSPENDED),
        (NotPermitted("profile"), Block.PROFILE),
        (NotPermitted("application"), Block.APPLICATION),
        (NotPermitted("feature"), Block.FEATURE),
    ],
)
def test_what_a_person_must_sort_out_blocks_until_one_does(outcome, reason):
    row = after(outcome)
    assert (row.blocked_reason, row.blocked_until) == (reason, None)
    assert row.healed_by == "person"
    assert (row.requests, row.failures) == (1, 1)


@pytest.mark.parametrize("outcome", [Suspended(), NotPermitted("profile")])
def test_a_login_that_was_replaced_meanwhile_is_not_blocked_for_the_old_one(outcome):
    account = add_account(token_version=4)
    settle(replace(account.credential(), token_version=3), outcome)
    row = Account.objects.get()
    assert not row.blocked
    assert row.failures == 1


def test_a_worn_out_token_is_discarded():
    row = after(TokenRefused())
    assert (row.access_token, row.access_token_tail) == ("", "")
    assert row.access_expires_at is None
    assert not row.blocked
    assert (row.failures, row.refusals) == (1, 0)


def test_a_token_that_was_replaced_meanwhile_stays():
    account = add_account(token_version=4)
    settle(replace(account.credential(), token_version=3), TokenRefused())
    row = Account.objects.with_secrets().get()
    assert row.access_token == "aoa-ann"
    assert not row.blocked
    assert row.failures == 1


@pytest.mark.parametrize(
    ("refusals", "minutes"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 15), (9, 15)]
)
def test_a_young_token_refused_makes_the_account_pause_longer_each_time(
    refusals, minutes
):
    young = add_account(refreshed_at=timezone.now(), refusals=refusals)
    row = after(TokenRefused(), young)
    assert row.blocked_reason == Block.TOKEN
    assert minutes_blocked(row) == minutes
    assert row.refusals == refusals + 1
    assert row.access_token == ""


def test_many_refusals_of_one_token_count_once():
    account = add_account(refreshed_at=timezone.now())
    for _ in range(20):
        settle(account.credential(), TokenRefused())
    row = Account.objects.get()
    assert row.refusals == 1
    assert minutes_blocked(row) == 1
    assert row.failures == 20


BLOCKS: dict[str, dict[str, Any]] = {
    "none": {},
    "short": {"blocked_reason": Block.THROTTLED, "in": 5},
    "long": {"blocked_reason": Block.QUOTA, "in": 86400},
    "healed": {"blocked_reason": Block.QUOTA, "in": -5},
    "person": {"blocked_reason": Block.REJECTED},
}


@pytest.mark.parametrize(
    ("before", "outcome", "reason"),
    [
        ("none", Throttled(60), Block.THROTTLED),
        ("short", Throttled(60), Block.THROTTLED),
        ("long", Throttled(60), Block.QUOTA),
        ("healed", Throttled(60), Block.THROTTLED),
        ("person", Throttled(60), Block.REJECTED),
        ("short", QuotaExhausted(), Block.QUOTA),
        ("person", QuotaExhausted(), Block.REJECTED),
        ("long", Suspended(), Block.SUSPENDED),
        ("person", Suspended(), Block.REJECTED),
    ],
)
def test_the_longer_block_stays_and_a_persons_longest(before, outcome, reason):
    fields = dict(BLOCKS[before])
    if seconds := fields.pop("in", None):
        fields["blocked_until"] = from_now(seconds=seconds)
    row = after(outcome, add_account(**fields))
    assert row.blocked_reason == reason
    assert row.blocked
    assert (row.requests, row.failures) == (1, 1)


def test_each_outcome_is_one_update(django_assert_num_queries):
    for outcome in (Served(), Cancelled(), Failed("x"), TokenRefused()):
        account = add_account()
        credential = account.credential()
        with django_assert_num_queries(1):
            settle(credential, outcome)


def test_a_block_is_one_line_in_the_log_without_a_secret(caplog):
    after(Throttled(60), add_account("ann", access_token="hush"))
    [record] = caplog.records
    assert "account ann: told to slow down; blocked until 20" in record.getMessage()
