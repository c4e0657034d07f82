"""Which account serves, and what is said when none can."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from accounts import pool
from accounts.blocking import enable, unblock
from accounts.models import Account
from accounts.outcomes import (
    Need,
    PoolExhausted,
    QuotaExhausted,
    Served,
    Suspended,
    Throttled,
    TokenRefused,
)
from accounts.signals import pool_changed
from accounts.tests.conftest import add_account, change, rename_table, row
from kiro2api.database import in_database

pytestmark = pytest.mark.django_db(transaction=True)

Block = Account.Block


def soon(seconds: float):
    return timezone.now() + timedelta(seconds=seconds)


async def test_the_first_in_order_serves_until_it_cannot():
    second, first = [
        await in_database(add_account)(n, position=p)
        for n, p in (("second", 1), ("first", 0))
    ]
    for _ in range(3):
        credential = await pool.checkout()
        assert credential.account == "first"
        await pool.settle(credential, Served(1.0))
    await pool.settle(credential, QuotaExhausted(soon(60)))
    assert (await pool.checkout()).account == "second"
    await change(first, blocked_until=soon(-1))
    assert (await pool.checkout()).account == "first"


async def test_excluded_accounts_are_left_out():
    first, second = [await in_database(add_account)(name) for name in "ab"]
    assert (await pool.checkout(exclude={first.pk})).account == "b"
    with pytest.raises(PoolExhausted) as raised:
        await pool.checkout(exclude={first.pk, second.pk})
    assert raised.value.shortage == "cooling"


def listing(*models: str):
    """Fields of an account that has told these."""
    return {
        "offered_models": {model: {} for model in models},
        "models_read_at": timezone.now(),
    }


OPUS = "claude-opus-4.6"


async def test_a_model_is_asked_only_of_accounts_that_list_it():
    await in_database(add_account)("plain", **listing("claude-opus-4", "opus"))
    await in_database(add_account)("rich", **listing("auto", OPUS))
    assert (await pool.checkout(Need(model=OPUS))).account == "rich"
    assert (await pool.checkout(Need(model="opus"))).account == "plain"
    assert (await pool.checkout()).account == "plain"


async def test_an_account_that_was_not_asked_may_have_any_model():
    await in_database(add_account)("plain", **listing("auto"))
    await in_database(add_account)("new")
    assert (await pool.checkout(Need(model=OPUS))).account == "new"


async def test_a_model_that_no_account_lists_is_told_as_that():
    await in_database(add_account)("a", **listing("auto"))
    await in_database(add_account)("b", enabled=False, **listing(OPUS))
    with pytest.raises(PoolExhausted) as raised:
        await pool.checkout(Need(model=OPUS))
    assert (raised.value.shortage, raised.value.model) == ("no_model", OPUS)


async def test_only_accounts_with_the_model_say_when_it_can_be_had_again():
    await in_database(add_account)("good", **listing("auto"))
    until = soon(9)
    blocked = {"blocked_reason": Block.QUOTA, "blocked_until": until}
    await in_database(add_account)("spent", **blocked, **listing(OPUS))
    with pytest.raises(PoolExhausted) as raised:
        await pool.checkout(Need(model=OPUS))
    assert (raised.value.shortage, raised.value.until) == ("quota", until)


async def test_twenty_checkouts_of_an_expired_token_cost_one_refresh(
    known_account, simulator
):
    await known_account()
    credentials = await asyncio.gather(*(pool.checkout() for _ in range(20)))
    assert len({credential.access_token for credential in credentials}) == 1
    assert simulator.account("ann")["refresh_attempts"] == 1


async def test_a_rejected_account_makes_way_for_the_next(known_account):
    dead = await known_account("dead", refresh_fault="invalid_grant")
    await known_account("good")
    assert (await pool.checkout()).account == "good"
    assert (await row(dead)).blocked_reason == Block.REJECTED


async def test_with_the_sign_in_service_down_good_tokens_go_on_being_used(
    known_account, simulator
):
    for name in ("a", "b"):
        await known_account(name, refresh_fault="server_error")
    await in_database(add_account)("good")
    assert (await pool.checkout()).account == "good"
    assert simulator.account("a")["refresh_attempts"] == 1
    assert simulator.account("b")["refresh_attempts"] == 0


async def test_with_the_sign_in_service_down_and_no_good_token_the_pool_pauses(
    known_account,
):
    for name in ("a", "b"):
        await known_account(name, refresh_fault="server_error")
    with pytest.raises(PoolExhausted) as raised:
        await pool.checkout()
    assert raised.value.shortage == "cooling"
    assert soon(0) < raised.value.until <= soon(15)


async def test_a_refused_token_is_renewed_for_the_next_try(known_account, simulator):
    account = await known_account()
    first = await pool.checkout()
    await change(account, refreshed_at=soon(-120))
    await pool.settle(first, TokenRefused())
    second = await pool.checkout()
    assert second.access_token == simulator.account("ann")["access_token"]
    assert second.access_token != first.access_token


async def test_the_old_tokens_refusal_does_not_cost_the_new_one(known_account):
    account = await known_account()
    first = await pool.checkout()
    await change(account, refreshed_at=soon(-120))
    await pool.settle(first, TokenRefused())
    second = await pool.checkout()
    await pool.settle(first, TokenRefused())
    assert await pool.checkout() == second


DAY, HOUR = 86400, 3600
QUOTA = {"blocked_reason": Block.QUOTA}
PAUSE = {"blocked_reason": Block.THROTTLED}
DEAD = {"blocked_reason": Block.REJECTED}


@pytest.mark.parametrize(
    ("blocks", "shortage", "first"),
    [
        ([], "none", None),
        ([({"enabled": False}, None)], "none", None),
        ([(QUOTA, DAY)], "quota", DAY),
        ([(QUOTA, DAY), (QUOTA, HOUR)], "quota", HOUR),
        ([(PAUSE, 9)], "cooling", 9),
        ([(QUOTA, DAY), (PAUSE, 9)], "cooling", 9),
        ([(QUOTA, HOUR), (PAUSE, DAY)], "quota", HOUR),
        ([(DEAD, None)], "rejected", None),
        ([(DEAD, None), (QUOTA, DAY)], "quota", DAY),
        ([(DEAD, None), ({"enabled": False}, None)], "rejected", None),
        ([(QUOTA | {"enabled": False}, HOUR), (PAUSE, DAY)], "cooling", DAY),
    ],
)
async def test_the_account_that_heals_first_says_why_there_is_none(
    blocks, shortage, first
):
    until = [None if seconds is None else soon(seconds) for _, seconds in blocks]
    for (fields, _), healed in zip(blocks, until, strict=True):
        await in_database(add_account)("a", **fields, blocked_until=healed)
    with pytest.raises(PoolExhausted) as raised:
        await pool.checkout()
    assert raised.value.shortage == shortage
    seconds = [seconds for _, seconds in blocks]
    assert raised.value.until == (until[seconds.index(first)] if first else None)


async def test_an_account_whose_secrets_no_key_opens_is_passed_over(settings, caplog):
    await in_database(add_account)("old")
    settings.SECRET_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    await in_database(add_account)("new")
    assert (await pool.checkout()).account == "new"
    assert "account old passed over" in caplog.text


async def test_unreadable_accounts_alone_need_a_person(settings, known_account):
    await in_database(add_account)("fresh")
    await in_database(add_account)("stale", access_token="", access_expires_at=None)
    settings.SECRET_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(PoolExhausted) as raised:
        await pool.checkout()
    assert raised.value.shortage == "rejected"
    assert not await in_database(Account.objects.exclude(blocked_reason="").exists)()


async def test_without_the_database_the_pool_is_away(caplog):
    account = await in_database(add_account)()
    credential = await pool.checkout()

    await in_database(rename_table)("accounts_account", "elsewhere")
    try:
        with pytest.raises(PoolExhausted) as raised:
            await pool.checkout()
        assert raised.value.shortage == "away"
        await pool.settle(credential, Suspended())
        assert "outcome lost" in caplog.text
    finally:
        await in_database(rename_table)("elsewhere", "accounts_account")
    assert (await pool.checkout()).account_id == account.pk


async def test_listeners_hear_of_every_settlement():
    heard = []

    async def listen(sender, **kwargs):
        heard.append(sender)

    await in_database(add_account)()
    credential = await pool.checkout()
    pool_changed.connect(listen)
    try:
        await pool.settle(credential, Throttled(5))
    finally:
        pool_changed.disconnect(listen)
    assert heard == [None]


async def test_a_listener_that_fails_keeps_nothing_back():
    async def fail(sender, **kwargs):
        raise RuntimeError

    account = await in_database(add_account)()
    pool_changed.connect(fail)
    try:
        await pool.settle(await pool.checkout(), Throttled(5))
    finally:
        pool_changed.disconnect(fail)
    assert (await row(account)).blocked


# An account that a person names


@pytest.mark.parametrize(
    "fields",
    [
        {"enabled": False},
        {"blocked_reason": Block.SUSPENDED},
        {"blocked_reason": Block.QUOTA, "blocked_until": soon(DAY)},
        {"credit_floor": 9.0, "available": 1.0},
        listing("another"),
        {"served_models": {"another": True}, **listing(OPUS)},
    ],
    ids=lambda fields: ",".join(fields),
)
async def test_a_named_account_must_only_get_a_token(fields):
    await in_database(add_account)("first")
    named = await in_database(add_account)("named", **fields)
    need = Need(model=OPUS, session="mine", account_id=named.pk)
    assert (await pool.checkout(need)).account == "named"


async def test_a_named_account_is_renewed_first_or_says_why_not(known_account):
    named = await known_account("named")
    dead = await known_account("dead", refresh_fault="invalid_grant")
    assert (await pool.checkout(Need(account_id=named.pk))).account == "named"
    with pytest.raises(PoolExhausted) as raised:
        await pool.checkout(Need(account_id=dead.pk))
    assert raised.value.shortage == "named"
    assert raised.value.told == (await row(dead)).last_error


async def test_no_other_stands_in_for_a_named_account():
    named = await in_database(add_account)("named")
    await in_database(add_account)("other")
    for need, exclude in (
        (Need(account_id=named.pk), {named.pk}),
        (Need(account_id=named.pk + 99), set()),
    ):
        with pytest.raises(PoolExhausted) as raised:
            await pool.checkout(need, exclude)
        assert raised.value.shortage == "named"


# What the log says of an account's state


async def test_an_account_that_time_has_healed_is_logged_once(caplog):
    caplog.set_level("INFO")
    account = await in_database(add_account)(
        "ann", blocked_reason=Block.QUOTA, blocked_until=soon(-1)
    )
    for _ in range(3):
        await pool.checkout()
    told = [r.message for r in caplog.records if "in use again" in r.message]
    assert told == ["account ann: in use again after: out of credits"]
    assert (await row(account)).blocked_reason == ""


async def test_the_request_that_takes_an_account_to_its_floor_says_so(caplog):
    await in_database(add_account)("ann", credit_floor=5.0, available=8.0)
    credential = await pool.checkout()
    for _ in range(5):
        await pool.settle(credential, Served(1.0))
    told = [r.message for r in caplog.records if "floor" in r.message]
    assert len(told) == 1
    assert told[0].startswith("account ann: at its floor of 5 credits")


def test_what_a_person_switches_is_logged(caplog):
    caplog.set_level("INFO")
    add_account("ann", blocked_reason=Block.REJECTED)
    add_account("bob")
    everyone = Account.objects.all()
    assert unblock(everyone) == 1
    assert enable(everyone.filter(name="bob"), False) == 1
    assert enable(everyone) == 1
    assert [r.message for r in caplog.records if "by a person" in r.message] == [
        "account ann: unblocked by a person",
        "account bob: disabled by a person",
        "account bob: enabled by a person",
    ]
