"""Usage figures, against the simulator over a socket."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import pool, reading
from accounts.models import Account
from accounts.outcomes import Cancelled, Served
from accounts.tests.conftest import change, row

pytestmark = pytest.mark.django_db(transaction=True)

Block = Account.Block
USAGE = "GetUsageLimits"


async def test_the_figures_are_stored(known_account):
    account = await known_account(
        email="ann@example.com", plan="PRO", credits_limit=1000, credits_used=188.25
    )
    usage = await reading.read_usage(account.pk)
    after = await row(account)
    assert usage.available == after.available == 811.75
    assert (after.email, after.plan) == ("ann@example.com", "KIRO PRO")
    assert (after.credits_limit, after.credits_used) == (1000, 188.25)
    assert after.resets_at > timezone.now()
    assert after.usage_read_at is not None
    assert not after.blocked


async def test_no_credits_left_blocks_until_the_reset(known_account):
    reset = int(timezone.now().timestamp()) + 86400
    account = await known_account(credits_limit=50, credits_used=50, next_reset=reset)
    await reading.read_usage(account.pk)
    after = await row(account)
    assert after.blocked_reason == Block.QUOTA
    assert after.blocked_until.timestamp() == reset


async def test_credits_that_are_back_unblock(known_account):
    account = await known_account()
    await change(
        account,
        blocked_reason=Block.QUOTA,
        blocked_since=timezone.now() - timedelta(hours=1),
        blocked_until=timezone.now() + timedelta(days=9),
    )
    await reading.read_usage(account.pk)
    assert not (await row(account)).blocked


@pytest.mark.parametrize("outcome", [Served(), Cancelled()])
async def test_a_request_leads_to_one_reading_in_five_minutes(
    known_account, simulator, outcome
):
    account = await known_account()
    await change(account, usage_asked_at=timezone.now() - timedelta(minutes=6))
    credential = await pool.checkout()
    assert simulator.calls(USAGE) == 0
    for _ in range(3):
        await pool.settle(credential, outcome)
    await reading.finish()
    await pool.settle(await pool.checkout(), outcome)
    await reading.finish()
    assert simulator.calls(USAGE) == 1
    assert (await row(account)).usage_read_at is not None


async def test_a_failed_reading_changes_nothing_but_is_logged(
    known_account, simulator, caplog
):
    account = await known_account()
    await change(account, usage_asked_at=None, available=7.0)
    simulator.enqueue({"fault": "internal"}, operation=USAGE)
    credential = await pool.checkout()
    await pool.settle(credential, Served())
    await reading.finish()
    after = await row(account)
    assert (after.available, after.blocked) == (7.0, False)
    assert "account ann: usage not read: the service failed (500)" in caplog.text
    assert simulator.calls(USAGE) == 1


async def test_a_worn_out_token_is_renewed_once_for_the_reading(
    known_account, simulator
):
    account = await known_account()
    await pool.checkout()
    await change(account, refreshed_at=timezone.now() - timedelta(minutes=9))
    simulator.expire_access_token("ann")
    await reading.read_usage(account.pk)
    assert simulator.account("ann")["refreshes"] == 2
    assert (await row(account)).usage_read_at is not None
