"""Chat Completions in the SDKs that are driven."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from simulator.control import Control
from tests.drivers import Driver
from tests.pictures import PNG
from tests.sdks.openai.calls import answered
from tests.sdks.openai.outcome import CHAT

pytestmark = [pytest.mark.real_client, pytest.mark.usefixtures("gateway")]

TOOLS = CHAT["tools"]


def user(content: Any) -> list[Any]:
    return [{"role": "user", "content": content}]


def sent(upstream: Control) -> Any:
    """What the user said in the newest call upstream."""
    body = upstream.requests("GenerateAssistantResponse")[-1]["body"]
    return body["conversationState"]["currentMessage"]["userInputMessage"]


def test_it_answers_without_a_stream(other: Driver, upstream: Control):
    upstream.enqueue("text")
    answer = answered(other, "chat.create", messages=user("Hi"))
    [choice] = answer["choices"]
    assert choice["message"]["content"] == "Hello, world!"
    assert choice["finish_reason"] == "stop"
    assert answer["usage"]["total_tokens"] > 1


def test_it_streams_an_answer(other: Driver, upstream: Control):
    upstream.enqueue("text")
    chunks = answered(other, "chat.iterate", messages=user("Hi"))
    choices = [chunk["choices"][0] for chunk in chunks]
    deltas = [choice["delta"].get("content") for choice in choices]
    assert deltas == ["", "Hello", ", ", "world", "!", None]
    assert choices[-1]["finish_reason"] == "stop"
    assert len({chunk["id"] for chunk in chunks}) == 1


def test_the_usage_chunk_comes_last(other: Driver, upstream: Control):
    upstream.enqueue("text", "text")
    options = {"include_usage": True}
    *chunks, last = answered(
        other, "chat.iterate", messages=user("Hi"), stream_options=options
    )
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] > 1
    assert not any(chunk.get("usage") for chunk in chunks)
    whole = answered(other, "chat.stream", messages=user("Hi"), stream_options=options)
    assert whole["usage"] == last["usage"]


@pytest.mark.parametrize("call", ["chat.create", "chat.stream"])
def test_a_round_trip_with_two_parallel_calls(
    other: Driver, upstream: Control, call: str
):
    upstream.enqueue("tools_in_parallel", "text")
    asked = user("Weather and time?")
    first = answered(other, call, messages=asked, tools=TOOLS)["choices"][0]
    assert first["finish_reason"] == "tool_calls"
    calls = first["message"]["tool_calls"]
    assert [
        (call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in calls
    ] == [
        ("get_weather", {"city": "Oslo", "unit": "celsius"}),
        ("get_time", {"zone": "Europe/Oslo"}),
    ]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": content}
        for call, content in zip(calls, ("12 degrees", "noon"), strict=True)
    ]
    messages = [*asked, first["message"], *results]
    last = answered(other, call, messages=messages, tools=TOOLS)
    assert last["choices"][0]["message"]["content"] == "Hello, world!"
    received = sent(upstream)["userInputMessageContext"]["toolResults"]
    assert [(result["toolUseId"], result["content"]) for result in received] == [
        (calls[0]["id"], [{"text": "12 degrees"}]),
        (calls[1]["id"], [{"text": "noon"}]),
    ]


def test_an_image_goes_upstream(other: Driver, upstream: Control):
    upstream.enqueue("text")
    encoded = base64.b64encode(PNG).decode()
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}},
    ]
    answered(other, "chat.create", messages=user(content))
    [image] = sent(upstream)["images"]
    assert image == {"format": "png", "source": {"bytes": encoded}}


def test_structured_output_by_the_sdks_parse_helper(other: Driver, upstream: Control):
    upstream.enqueue(
        {"steps": [{"text": "It is mild."}]},
        {"steps": [{"text": '```json\n{"city":"Oslo","degrees":12}\n```'}]},
    )
    answer = answered(other, "chat.parse", messages=user("Weather?"))
    parsed = answer["choices"][0]["message"]["parsed"]
    assert parsed == {"city": "Oslo", "degrees": 12}
    assert upstream.calls() == 2
