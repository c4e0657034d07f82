"""The token ratios: learned by many at once, within bounds."""

from __future__ import annotations

import asyncio

import pytest
from django.db import connection

from clients import ratios
from clients.models import TokenRatio
from kiro2api.database import in_database

pytestmark = pytest.mark.django_db(transaction=True)

MODEL = "claude-sonnet-5"


async def learn(*figures: float, model_id: str = MODEL) -> float:
    for counted in figures:
        await ratios.learn(model_id, counted)
    return (await ratios.load())[model_id]


async def test_nothing_is_known_before_anything_was_learned():
    assert await ratios.load() == {}


async def test_each_model_has_its_own_ratio():
    assert await learn(1.4, model_id="a") > 1.0
    assert await learn(0.8, model_id="b") < 1.0
    assert sorted(await ratios.load()) == ["a", "b"]


async def test_the_ratio_comes_close_to_what_is_told_again_and_again():
    assert await learn(*[1.3] * 60) == pytest.approx(1.3, abs=0.02)


@pytest.mark.parametrize("odd", [0.0, 0.001, 40.0, 1e9])
async def test_one_odd_reply_does_no_harm(odd):
    usual = await learn(*[1.2] * 60)
    assert await learn(odd) == pytest.approx(usual, abs=0.05)
    assert await learn(*[1.2] * 30) == pytest.approx(1.2, abs=0.02)


@pytest.mark.parametrize(
    ("figure", "bound"), [(100.0, ratios.MOST), (0.0, ratios.LEAST)]
)
async def test_many_odd_replies_stay_within_bounds(figure, bound):
    ratio = await learn(*[figure] * 200)
    assert ratios.LEAST <= ratio <= ratios.MOST
    assert ratio == pytest.approx(bound, abs=0.01)


async def test_what_many_learn_at_once_is_all_counted():
    await asyncio.gather(*(ratios.learn(MODEL, 1.5) for _ in range(24)))
    row = await in_database(TokenRatio.objects.get)(model_id=MODEL)
    assert row.samples == 24
    assert row.ratio == pytest.approx(1.5 - 0.5 * (1 - ratios.STEP) ** 24)


async def test_replies_told_together_move_it_as_far_as_one_after_the_other():
    singly = await learn(1.4, 1.4, 99.0, model_id="a")
    await ratios.learn("b", 1.4, 1.4, 99.0)
    together = await in_database(TokenRatio.objects.get)(model_id="b")
    assert together.samples == 3
    assert together.ratio == pytest.approx(singly, abs=0.005)


async def test_without_the_database_nothing_was_learned_and_nothing_fails(caplog):
    await in_database(rename_table)("clients_tokenratio", "elsewhere")
    try:
        await ratios.learn(MODEL, 1.5)
        assert await ratios.load() == {}
    finally:
        await in_database(rename_table)("elsewhere", "clients_tokenratio")
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert await ratios.load() == {}


def rename_table(table: str, to: str) -> None:
    with connection.schema_editor() as editor:
        editor.alter_db_table(TokenRatio, table, to)
