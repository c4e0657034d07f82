"""The accounts' lists of models: learned from the simulator, told as a whole."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import offers, pool, reading
from accounts.answers import CallFailed
from accounts.inspection import inspect
from accounts.intake import replace_login
from accounts.modellist import ModelLimits
from accounts.models import Account
from accounts.outcomes import ModelMissing, ModelUnavailable, Need, Served
from accounts.tests.conftest import add_account, change, rename_table, row
from kiro2api.database import in_database

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "ListAvailableModels"
Block = Account.Block


def ago(**time: float):
    return timezone.now() - timedelta(**time)


def listing(**models: dict) -> dict:
    """Fields of an account that has told these."""
    return {"offered_models": models, "models_read_at": timezone.now()}


async def test_a_list_is_kept_with_what_it_says(known_account):
    sonnet = {"id": "claude-sonnet-5", "window": 300_000, "output": 9_000}
    account = await known_account(models=[sonnet, "glm-5"])
    told = await offers.ask_for_models(account.pk)
    assert told["claude-sonnet-5"] == ModelLimits(
        300_000, 9_000, images=True, rate=1.3, caching=True, native_fields=True
    )
    after = await row(account)
    assert after.models_read_at is not None
    assert after.offered_models.keys() == told.keys() == {"claude-sonnet-5", "glm-5"}
    assert (await pool.available_models()).limits == told


async def test_an_account_that_is_tested_tells_its_models(known_account):
    account = await known_account(models=["glm-5"])
    assert (await inspect(account.pk)).models.keys() == {"glm-5"}
    assert (await row(account)).offered_models.keys() == {"glm-5"}


@pytest.mark.parametrize(("minutes", "calls"), [(None, 1), (61, 1), (55, 0)])
async def test_a_request_leads_to_one_list_in_an_hour(
    known_account, simulator, minutes, calls
):
    account = await known_account()
    asked = None if minutes is None else ago(minutes=minutes)
    await change(account, usage_asked_at=None, models_asked_at=asked)
    credential = await pool.checkout()
    assert simulator.calls(LIST) == 0
    for _ in range(3):
        await pool.settle(credential, Served())
    await reading.finish()
    await change(account, usage_asked_at=None)
    await pool.settle(await pool.checkout(), Served())
    await reading.finish()
    assert simulator.calls(LIST) == calls


async def test_usage_that_cannot_be_read_does_not_keep_the_models_back(
    known_account, simulator
):
    account = await known_account(models=["glm-5"])
    await change(account, usage_asked_at=None, models_asked_at=None)
    simulator.enqueue({"fault": "internal"}, operation="GetUsageLimits")
    await pool.settle(await pool.checkout(), Served())
    await reading.finish()
    assert (await row(account)).offered_models.keys() == {"glm-5"}


@pytest.mark.parametrize(
    ("outcome", "minutes", "calls"),
    [
        (ModelMissing(), 6, 1),
        (ModelMissing(), 2, 0),
        (ModelUnavailable(), 6, 0),
    ],
)
async def test_a_model_refused_though_listed_has_the_list_read_soon(
    known_account, simulator, outcome, minutes, calls
):
    account = await known_account(models=["glm-5"])
    asked = ago(minutes=minutes)
    wrong = {"models_read_at": asked, "offered_models": {"glm-9": {}}}
    await change(account, models_asked_at=asked, **wrong)
    await pool.settle(await pool.checkout(Need(model="glm-9")), outcome)
    await reading.finish()
    assert simulator.calls(LIST) == calls
    after = await row(account)
    assert after.offered_models.keys() == ({"glm-5"} if calls else {"glm-9"})
    assert not after.blocked
    assert after.failures == 0


async def test_a_list_that_cannot_be_read_leaves_the_old_one(
    known_account, simulator, caplog
):
    account = await known_account()
    old = listing(**{"glm-5": {}})
    await change(account, usage_asked_at=None, models_asked_at=None, **old)
    simulator.enqueue({"fault": "internal"}, operation=LIST)
    await pool.settle(await pool.checkout(), Served())
    await reading.finish()
    assert (await row(account)).offered_models == {"glm-5": {}}
    assert "account ann: models not read: the service failed (500)" in caplog.text


async def test_an_account_that_is_suspended_shows_by_its_list(known_account):
    account = await known_account(state="suspended")
    with pytest.raises(CallFailed, match="suspended"):
        await offers.ask_for_models(account.pk)
    after = await row(account)
    assert after.blocked_reason == Block.SUSPENDED
    assert after.models_read_at is None


async def test_a_worn_out_token_is_renewed_once_for_the_list(known_account, simulator):
    account = await known_account()
    await pool.checkout()
    await change(account, refreshed_at=ago(minutes=9))
    simulator.expire_access_token("ann")
    assert await offers.ask_for_models(account.pk)
    assert simulator.account("ann")["refreshes"] == 2


async def test_the_list_of_a_login_that_was_replaced_is_not_kept(
    known_account, simulator
):
    account = await known_account()
    await pool.checkout()
    answer = {"status": 200, "body": {"models": [{"modelId": "glm-5"}]}}
    simulator.enqueue({"http": answer, "gate": "list"}, operation=LIST)
    asking = asyncio.create_task(offers.ask_for_models(account.pk))
    await asyncio.to_thread(simulator.wait_for_calls, 1, LIST)
    await in_database(replace_login)(account.pk, {"client_id": "another"})
    simulator.open_gate("list")
    await asking
    after = await row(account)
    assert (after.offered_models, after.models_read_at) == ({}, None)


# All of them together


@pytest.mark.parametrize("accounts", [[], ["a"]])
async def test_nothing_is_known_before_an_account_was_asked(accounts):
    for name in accounts:
        await in_database(add_account)(name)
    told = await pool.available_models()
    assert not told.complete
    assert told.limits == {}


async def test_the_lists_are_told_as_one():
    await in_database(add_account)("a", **listing(x={"window": 9}, y={"rate": 2.0}))
    await in_database(add_account)("b", **listing(x={"window": 5, "new": "later"}))
    told = await pool.available_models()
    assert told.limits == {"x": ModelLimits(window=5), "y": ModelLimits(rate=2.0)}
    assert told.complete


GONE = [{"enabled": False}, {"blocked_reason": Block.REJECTED}]
PAUSING = {
    "blocked_reason": Block.QUOTA,
    "blocked_until": timezone.now() + timedelta(days=1),
}


@pytest.mark.parametrize("fields", GONE)
async def test_accounts_out_of_service_are_not_counted(fields):
    await in_database(add_account)("a", **listing(x={}))
    await in_database(add_account)("b", **listing(y={}), **fields)
    await in_database(add_account)("c", **fields)
    told = await pool.available_models()
    assert told.complete
    assert told.limits == {"x": ModelLimits()}


@pytest.mark.parametrize("fields", [{}, PAUSING])
async def test_an_account_not_asked_yet_may_have_anything(fields):
    await in_database(add_account)("a", **listing(x={}))
    await in_database(add_account)("b", **fields)
    assert not (await pool.available_models()).complete


async def test_what_was_told_holds_for_some_seconds():
    await in_database(add_account)("a", **listing(x={}))
    first = await pool.available_models()
    await in_database(Account.objects.all().delete)()
    told = await asyncio.gather(*(pool.available_models() for _ in range(40)))
    assert all(models is first for models in told)


async def test_without_the_database_nothing_new_is_known(caplog):
    await in_database(rename_table)("accounts_account", "elsewhere")
    try:
        assert await pool.available_models() is offers.NOTHING_TOLD
    finally:
        await in_database(rename_table)("elsewhere", "accounts_account")
    assert "the lists of models cannot be read" in caplog.text
