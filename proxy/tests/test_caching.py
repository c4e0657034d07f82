"""Cache points, from what an account's list of models says to the request."""

from __future__ import annotations

from typing import Any

import pytest

from accounts import offers, pool
from proxy.exchange import Exchange
from proxy.gateway import open_reply
from proxy.messages import Message, Prompt, Text, Tool, collect
from simulator.control import Control

pytestmark = pytest.mark.django_db(transaction=True)

POINT = {"cachePoint": {"type": "default"}}


async def current_message(upstream: Control, model: str) -> dict[str, Any]:
    """What upstream was asked; the client marked all there was."""
    await offers.ask_for_models((await pool.checkout()).account_id)
    prompt = Prompt(
        model,
        (Message("user", (Text("Hi"),), cache=True),),
        tools=(Tool("a", "does it", {}),),
        cache=True,
    )
    async with await open_reply(prompt, Exchange("r", "POST", "/")) as reply:
        await collect(reply)
    state = upstream.requests("GenerateAssistantResponse")[-1]["body"]
    current: dict[str, Any]
    (current,) = state["conversationState"]["currentMessage"].values()
    return current


async def test_a_model_that_caches_is_told_where(upstream):
    message = await current_message(upstream, "claude-sonnet-5")
    assert message["userInputMessageContext"]["tools"][1:] == [POINT]
    assert message["cachePoint"] == POINT["cachePoint"]


async def test_one_that_does_not_is_not(upstream):
    message = await current_message(upstream, "glm-5")
    assert len(message["userInputMessageContext"]["tools"]) == 1
    assert "cachePoint" not in message
