"""Token estimates that learn from upstream's own figures, through the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from clients import ratios
from proxy import settlements, tokens
from proxy.exchange import Exchange
from proxy.gateway import OpenReply, open_reply
from proxy.messages import Message, Prompt, Text, collect
from proxy.routing import model_for

pytestmark = pytest.mark.django_db(transaction=True)

MODEL = "claude-sonnet-5"
STORY = "The quick brown fox jumps over the lazy dog. " * 200


def prompt_of(text: str, **wishes: Any) -> Prompt:
    return Prompt(MODEL, (Message("user", (Text(text),)),), **wishes)


@asynccontextmanager
async def reply_to(prompt: Prompt) -> AsyncIterator[OpenReply]:
    async with await open_reply(prompt, Exchange("r", "POST", "/v1/messages")) as reply:
        yield reply


async def learned_from(prompt: Prompt) -> dict[str, float]:
    """What is known once the reply has been read and all is written."""
    async with reply_to(prompt) as reply:
        await collect(reply)
    await settlements.close(seconds=10)
    return dict(await ratios.load())


async def estimate(text: str = STORY) -> int:
    return tokens.estimate(prompt_of(text), await model_for(MODEL))


async def known_ratio() -> float:
    """Learned before the process began."""
    for _ in range(20):
        await ratios.learn(MODEL, 1.5)
    return (await ratios.load())[MODEL]


def stating(usage: object) -> dict[str, object]:
    return {"steps": [{"text": "Hi"}], "tail": {"usage": usage}}


async def test_upstreams_own_count_is_learned_whatever_a_cache_had_to_do_with(upstream):
    third = await estimate() // 2
    counted = {"input": third, "cache_read": third, "cache_write": third, "output": 3}
    upstream.enqueue(stating(counted))
    learned = await learned_from(prompt_of(STORY))
    assert learned == {MODEL: pytest.approx(1 + ratios.STEP / 2, abs=1e-4)}


@pytest.mark.parametrize(
    ("text", "tail", "wishes"),
    [
        (STORY, {"usage": False, "context_percentage": 50.0}, {}),
        (STORY, {"usage": False, "context_percentage": False}, {}),
        ("Hi", {"usage": {"input": 5_000, "output": 3}}, {}),
        (STORY, {"usage": {"input": 9_000, "output": 3}}, {"stop_sequences": ("H",)}),
    ],
    ids=["a percentage", "nothing told", "a short prompt", "a reply we ended"],
)
async def test_nothing_else_is_learned_from(upstream, text, tail, wishes):
    upstream.enqueue({"steps": [{"text": "Hi"}], "tail": tail})
    assert await learned_from(prompt_of(text, **wishes)) == {}


async def test_what_was_learned_before_scales_the_estimates(upstream):
    ratio = await known_ratio()
    plain = tokens.estimate(prompt_of(STORY), await model_for("claude-opus-5"))
    assert await estimate() == pytest.approx(plain * ratio, abs=1)
    async with reply_to(prompt_of(STORY)) as reply:
        assert reply.input_tokens == await estimate()


async def test_a_scaled_estimate_that_was_right_leaves_the_ratio_as_it_is(upstream):
    ratio = await known_ratio()
    upstream.enqueue(stating({"input": await estimate(), "output": 3}))
    learned = await learned_from(prompt_of(STORY))
    assert learned == {MODEL: pytest.approx(ratio, abs=1e-3)}


async def test_estimates_stay_as_they_are_while_the_process_lives(upstream):
    before = await estimate()
    upstream.enqueue(stating({"input": before * 2, "output": 3}))
    assert (await learned_from(prompt_of(STORY)))[MODEL] > 1.0
    assert await estimate() == before
    assert await estimate(STORY + "And on.") > before
