"""Renewing tokens, against the simulator over a socket."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import lease
from accounts.models import Account
from accounts.refresh import NotFresh, ensure_fresh, renew
from accounts.regions import BUILDER_ID_PROFILE
from accounts.signals import pool_changed
from accounts.tests.conftest import ARN, change, rename_table, row
from kiro2api import http
from kiro2api.database import in_database

pytestmark = pytest.mark.django_db(transaction=True)

Block = Account.Block
REFRESH = "Refresh"


async def in_thread(function, *args, **kwargs):
    return await asyncio.to_thread(function, *args, **kwargs)


async def logged(caplog, text: str) -> None:
    """Wait until a line of the log holds `text`."""
    caplog.set_level(logging.DEBUG, "accounts")
    while text not in caplog.text:
        await asyncio.sleep(0.01)


async def test_a_fresh_token_is_used_as_it_is(known_account, simulator):
    account = await known_account()
    await change(
        account,
        access_token="aoa",
        access_expires_at=timezone.now() + timedelta(minutes=2),
    )
    credential = await ensure_fresh(await row(account))
    assert credential.access_token == "aoa"
    assert simulator.account("ann")["refresh_attempts"] == 0


@pytest.mark.parametrize("kind", ["social", "idc", "builder_id"])
async def test_a_stale_token_is_renewed_and_the_rotated_one_saved(
    known_account, simulator, kind
):
    account = await known_account(kind=kind)
    credential = await ensure_fresh(await row(account))
    known = simulator.account("ann")
    after = await row(account)
    assert credential.access_token == after.access_token == known["access_token"]
    assert after.refresh_token == known["refresh_token"] != account.refresh_token
    assert after.access_token_tail == known["access_token"][-4:]
    assert after.fresh
    assert (after.lease_until, after.lease_owner) == (None, "")
    assert credential.token_version == after.token_version == 1


async def test_a_refresh_token_that_does_not_rotate_is_kept(known_account):
    account = await known_account(rotates=False)
    await ensure_fresh(await row(account))
    assert (await row(account)).refresh_token == account.refresh_token


async def test_twenty_waiters_cost_one_refresh(known_account, simulator):
    account = await row(await known_account())
    credentials = await asyncio.gather(*(ensure_fresh(account) for _ in range(20)))
    assert len({credential.access_token for credential in credentials}) == 1
    assert simulator.account("ann")["refresh_attempts"] == 1


async def test_another_processes_lease_is_waited_for(known_account, simulator, caplog):
    """Its refresh ends while we look on; we refresh nothing."""
    account = await row(await known_account())
    await change(account, lease_until=timezone.now() + lease.LEASE, lease_owner="other")
    waiter = asyncio.create_task(ensure_fresh(account))
    await logged(caplog, "renewed by another process")
    await change(
        account,
        access_token="aoa-other",
        access_expires_at=timezone.now() + timedelta(hours=1),
        token_version=1,
        lease_until=None,
        lease_owner="",
    )
    assert (await waiter).access_token == "aoa-other"
    assert simulator.account("ann")["refresh_attempts"] == 0


async def test_when_the_other_process_fails_its_waiters_do_not_try_again(
    known_account, simulator, caplog
):
    account = await row(await known_account())
    await change(account, lease_until=timezone.now() + lease.LEASE, lease_owner="other")
    waiter = asyncio.create_task(ensure_fresh(account))
    await logged(caplog, "renewed by another process")
    await change(account, lease_until=None, lease_owner="", last_error="it failed")
    with pytest.raises(NotFresh, match="it failed"):
        await waiter
    assert simulator.account("ann")["refresh_attempts"] == 0


async def test_a_dead_lease_is_taken_over(known_account, simulator):
    account = await row(await known_account())
    await change(
        account,
        lease_until=timezone.now() - timedelta(seconds=1),
        lease_owner="killed",
    )
    await ensure_fresh(account)
    assert simulator.account("ann")["refreshes"] == 1


async def test_the_lease_is_held_while_the_service_is_asked(known_account, simulator):
    account = await row(await known_account(refresh_gate="slow"))
    waiter = asyncio.create_task(ensure_fresh(account))
    await in_thread(simulator.wait_for_gate, "slow")
    during = await row(account)
    assert during.lease_owner
    assert during.lease_until > timezone.now() + timedelta(seconds=30)
    await in_thread(simulator.open_gate, "slow")
    await waiter


async def test_who_hangs_up_does_not_lose_the_rotated_token(known_account, simulator):
    account = await row(await known_account(refresh_gate="slow"))
    waiter = asyncio.create_task(ensure_fresh(account))
    await in_thread(simulator.wait_for_gate, "slow")
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    await in_thread(simulator.open_gate, "slow")
    credential = await ensure_fresh(account)
    known = simulator.account("ann")
    assert credential.access_token == known["access_token"]
    assert (await row(account)).refresh_token == known["refresh_token"]
    assert known["refresh_attempts"] == 1


async def test_a_refresh_that_outlived_its_lease_still_saves_the_token(
    known_account, simulator
):
    """Another process took the lease over: the token in hand is the living one."""
    account = await row(await known_account(refresh_gate="slow"))
    waiter = asyncio.create_task(ensure_fresh(account))
    await in_thread(simulator.wait_for_gate, "slow")
    await change(account, lease_owner="other", blocked_reason=Block.REJECTED)
    await in_thread(simulator.open_gate, "slow")
    await waiter
    after = await row(account)
    assert after.refresh_token == simulator.account("ann")["refresh_token"]
    assert not after.blocked


async def test_a_login_replaced_during_a_refresh_wins(known_account, simulator):
    account = await row(await known_account(refresh_gate="slow"))
    other = await known_account("bob")
    waiter = asyncio.create_task(ensure_fresh(account))
    simulator_token = other.refresh_token
    await in_thread(simulator.wait_for_gate, "slow")
    await change(
        account,
        refresh_token=simulator_token,
        token_version=account.token_version + 1,
        lease_until=None,
        lease_owner="",
    )
    await in_thread(simulator.open_gate, "slow")
    credential = await waiter
    assert credential.access_token == simulator.account("bob")["access_token"]


@pytest.mark.parametrize("fault", ["invalid_grant", "invalid_client", "unauthorized"])
@pytest.mark.parametrize("kind", ["social", "idc"])
async def test_a_login_refused_for_good_is_rejected(known_account, kind, fault):
    account = await row(await known_account(kind=kind, refresh_fault=fault))
    with pytest.raises(NotFresh):
        await ensure_fresh(account)
    after = await row(account)
    assert (after.blocked_reason, after.blocked_until) == (Block.REJECTED, None)
    assert "refresh token" in after.last_error
    assert after.lease_until is None


@pytest.mark.parametrize(
    "fault",
    ["server_error", "unavailable", "forbidden", "network", "invalid_request"],
)
@pytest.mark.parametrize("kind", ["social", "idc"])
async def test_the_services_fault_is_not_the_accounts(known_account, kind, fault):
    account = await row(await known_account(kind=kind, refresh_fault=fault))
    with pytest.raises(NotFresh):
        await ensure_fresh(account)
    after = await row(account)
    assert after.blocked_reason == Block.SIGN_IN_AWAY
    assert after.healed_by == "time"
    assert after.blocked_until <= timezone.now() + timedelta(seconds=15)
    assert after.refresh_token == account.refresh_token
    assert after.lease_until is None


async def test_the_service_may_say_how_long_to_wait(known_account):
    account = await row(await known_account(refresh_fault="throttled"))
    with pytest.raises(NotFresh, match="slow down"):
        await ensure_fresh(account)
    wait = (await row(account)).blocked_until - timezone.now()
    assert timedelta(seconds=15) < wait <= timedelta(minutes=15)


async def test_a_token_in_its_last_minute_is_used_when_it_cannot_be_renewed(
    known_account,
):
    account = await known_account(refresh_fault="server_error")
    await change(
        account,
        access_token="aoa",
        access_expires_at=timezone.now() + timedelta(seconds=40),
    )
    credential = await ensure_fresh(await row(account))
    assert credential.access_token == "aoa"
    after = await row(account)
    assert not after.blocked
    assert after.last_error


async def test_renewing_lifts_what_renewing_heals(known_account):
    account = await known_account()
    await change(account, blocked_reason=Block.REJECTED, last_error="dead")
    await renew(account.pk, account.token_version)
    after = await row(account)
    assert (after.blocked_reason, after.blocked_since, after.last_error) == (
        "",
        None,
        "",
    )


async def test_renewing_does_not_lift_what_it_cannot_heal(known_account):
    account = await known_account()
    await change(account, blocked_reason=Block.SUSPENDED, last_error="locked")
    await renew(account.pk, account.token_version)
    after = await row(account)
    assert (after.blocked_reason, after.last_error) == (Block.SUSPENDED, "locked")


async def test_a_social_account_takes_its_profile_from_the_token_answer(known_account):
    account = await known_account()
    await change(account, profile_arn="")
    assert (await ensure_fresh(await row(account))).profile_arn == ARN


async def test_an_idc_account_asks_for_its_profile_once(known_account, simulator):
    arn = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"
    account = await known_account(kind="idc", profile_arn=arn)
    credential = await ensure_fresh(await row(account))
    assert (credential.profile_arn, credential.region) == (arn, "eu-central-1")
    asked = simulator.calls("ListAvailableProfiles")
    await renew(account.pk, credential.token_version)
    assert simulator.calls("ListAvailableProfiles") == asked


async def test_a_builder_id_account_gets_the_profile_they_all_share(known_account):
    account = await known_account(kind="builder_id")
    credential = await ensure_fresh(await row(account))
    assert credential.profile_arn == BUILDER_ID_PROFILE


async def test_an_account_that_is_gone_or_empty_is_not_fresh(known_account):
    account = await known_account()
    await change(account, refresh_token="")
    with pytest.raises(NotFresh, match="no refresh token"):
        await renew(account.pk, 0)
    with pytest.raises(NotFresh, match="deleted"):
        await renew(account.pk + 1, 0)


async def test_a_refresh_is_one_line_in_the_log_and_tells_the_listeners(
    known_account, caplog
):
    caplog.set_level(logging.INFO, "accounts")
    account = await known_account()
    heard = []

    async def listen(sender, **kwargs):
        heard.append(sender)

    pool_changed.connect(listen)
    try:
        await ensure_fresh(await row(account))
    finally:
        pool_changed.disconnect(listen)
    assert heard == [None]
    [record] = [r for r in caplog.records if r.name.startswith("accounts")]
    assert record.getMessage().startswith("account ann: token renewed, good until ")
    after = await row(account)
    for secret in (account.refresh_token, after.refresh_token, after.access_token):
        assert secret not in caplog.text


async def test_two_processes_cost_one_refresh(known_account, simulator):
    """A second event loop shares nothing with ours but the database."""
    account = await row(await known_account(refresh_gate="slow"))
    ours = asyncio.create_task(ensure_fresh(account))

    async def theirs_too() -> str:
        try:
            return (await ensure_fresh(account)).access_token
        finally:
            await http.close()

    theirs = asyncio.create_task(asyncio.to_thread(asyncio.run, theirs_too()))
    await in_thread(simulator.wait_for_gate, "slow")
    await in_thread(simulator.open_gate, "slow")
    assert (await ours).access_token == await theirs
    assert simulator.account("ann")["refresh_attempts"] == 1


async def test_a_database_that_is_away_for_a_moment_does_not_cost_the_account(
    known_account, simulator, caplog
):
    """By then the old refresh token is dead: the new one must get in."""
    account = await row(await known_account(refresh_gate="slow"))
    waiter = asyncio.create_task(ensure_fresh(account))
    await in_thread(simulator.wait_for_gate, "slow")
    await in_database(rename_table)(Account._meta.db_table, "elsewhere")
    try:
        await in_thread(simulator.open_gate, "slow")
        await logged(caplog, "new token not stored yet")
    finally:
        await in_database(rename_table)("elsewhere", Account._meta.db_table)
    credential = await waiter
    assert credential.access_token == simulator.account("ann")["access_token"]
    assert (await row(account)).refresh_token == simulator.account("ann")[
        "refresh_token"
    ]
