"""What replies cost: learned by many at once, and not led astray by one."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from clients import costs
from clients.costs import Rate, exact, rate_told
from clients.models import ModelCost
from kiro2api.database import in_database

pytestmark = pytest.mark.django_db(transaction=True)

MODEL = "claude-sonnet-5"


async def known() -> Rate:
    return await in_database(costs.stored_rate)(MODEL)


async def test_before_anything_was_learned_a_cost_is_guessed_with_caution():
    assert await known() == await costs.rate_of(MODEL) == costs.UNKNOWN
    assert costs.UNKNOWN.credits(1000, 200) == pytest.approx(0.04)


async def test_the_first_reply_is_taken_at_its_word():
    await costs.learn(MODEL, rate_told(100, 20, 0.3))
    rate = await known()
    assert exact(rate.credits(100, 20)) == Decimal("0.3")
    assert rate.output == 20


async def test_replies_that_are_alike_are_foreseen_to_the_last_digit():
    for _ in range(60):
        await costs.learn(MODEL, rate_told(14, 4, 0.0101234567))
    rate = await known()
    assert exact(rate.credits(14, round(rate.output))) == exact(0.0101234567)


async def test_what_changes_is_followed():
    for cost in (0.1, *[0.2] * 60):
        await costs.learn(MODEL, rate_told(100, 20, cost))
    assert (await known()).credits(100, 20) == pytest.approx(0.2, rel=0.01)


@pytest.mark.parametrize("odd", [1e-9, 1e9])
async def test_one_odd_reply_does_no_harm(odd):
    await costs.learn(MODEL, rate_told(100, 20, 0.1))
    await costs.learn(MODEL, rate_told(100, 20, odd))
    assert (await known()).credits(100, 20) == pytest.approx(0.1, rel=0.31)


async def test_a_reply_without_output_is_no_dead_end():
    await costs.learn(MODEL, rate_told(100, 0, 0.1))
    for _ in range(80):
        await costs.learn(MODEL, rate_told(100, 200, 0.1))
    assert (await known()).output == pytest.approx(200, rel=0.05)


async def test_what_many_learn_at_once_is_all_counted():
    await asyncio.gather(
        *(costs.learn(MODEL, rate_told(100, 20, 0.1)) for _ in range(24))
    )
    row = await in_database(ModelCost.objects.get)(model_id=MODEL)
    assert row.samples == 24


@pytest.mark.parametrize("cost", [0.07, 0.1, 0.2, 1e-6, 1e3])
async def test_replies_told_together_move_it_as_far_as_one_after_the_other(cost):
    replies = [rate_told(100, 20, cost)] * 5
    for model, batches in {"a": [[reply] for reply in replies], "b": [replies]}.items():
        await costs.learn(model, rate_told(100, 20, 0.1))
        for batch in batches:
            await costs.learn(model, *batch)
    singly, together = [
        await in_database(ModelCost.objects.get)(model_id=model) for model in "ab"
    ]
    assert together.samples == singly.samples == 6
    assert together.rate == pytest.approx(singly.rate)


@pytest.mark.parametrize("odd", [1e-9, 1e9])
async def test_one_odd_reply_among_others_does_no_harm(odd):
    usual = [rate_told(100, 20, 0.1)] * 9
    await costs.learn(MODEL, *usual)
    await costs.learn(MODEL, *usual, rate_told(100, 20, odd))
    assert (await known()).credits(100, 20) == pytest.approx(0.1, rel=0.31)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (0.1, "0.1"),
        (0.0169543708291874, "0.0169543708"),
        (-1.0, "0"),
        (1e300, "1000000000"),
    ],
)
def test_credits_are_kept_to_ten_digits(told, kept):
    assert exact(told) == Decimal(kept)
