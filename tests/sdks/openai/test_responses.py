"""Responses in the SDKs that are driven."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from simulator.control import Control
from tests.drivers import Driver
from tests.pictures import PNG
from tests.sdks.openai.calls import answered
from tests.sdks.openai.outcome import RESPONSE

pytestmark = [pytest.mark.real_client, pytest.mark.usefixtures("gateway")]

TOOLS = RESPONSE["tools"]


def sent(upstream: Control) -> Any:
    """The conversation of the newest call upstream."""
    body = upstream.requests("GenerateAssistantResponse")[-1]["body"]
    return body["conversationState"]


def texts(answer: Any) -> list[str]:
    return [
        part["text"]
        for item in answer["output"]
        if item["type"] == "message"
        for part in item["content"]
    ]


def test_it_answers_without_a_stream(other: Driver, upstream: Control):
    upstream.enqueue("text")
    answer = answered(other, "responses.create", input="Hi")
    assert texts(answer) == ["Hello, world!"]
    assert answer["status"] == "completed"
    assert answer["usage"]["output_tokens"] > 0


def test_it_streams_an_answer(other: Driver, upstream: Control):
    upstream.enqueue("text")
    events = answered(other, "responses.iterate", input="Hi")
    assert [event["type"] for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * 4,
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert texts(events[-1]["response"]) == ["Hello, world!"]


@pytest.mark.parametrize("call", ["responses.create", "responses.stream"])
def test_a_round_trip_with_two_parallel_calls(
    other: Driver, upstream: Control, call: str
):
    upstream.enqueue("tools_in_parallel", "text")
    asked = {"role": "user", "content": "Weather and time?"}
    first = answered(other, call, input=[asked], tools=TOOLS, store=False)
    calls = [item for item in first["output"] if item["type"] == "function_call"]
    assert [(call["name"], json.loads(call["arguments"])) for call in calls] == [
        ("get_weather", {"city": "Oslo", "unit": "celsius"}),
        ("get_time", {"zone": "Europe/Oslo"}),
    ]
    results = [
        {"type": "function_call_output", "call_id": call["call_id"], "output": output}
        for call, output in zip(calls, ("12 degrees", "noon"), strict=True)
    ]
    items = [asked, *first["output"], *results]
    last = answered(other, call, input=items, tools=TOOLS, store=False)
    assert texts(last) == ["Hello, world!"]
    current = sent(upstream)["currentMessage"]["userInputMessage"]
    received = current["userInputMessageContext"]["toolResults"]
    assert [(result["toolUseId"], result["content"]) for result in received] == [
        (calls[0]["call_id"], [{"text": "12 degrees"}]),
        (calls[1]["call_id"], [{"text": "noon"}]),
    ]


@pytest.mark.parametrize("call", ["responses.create", "responses.stream"])
def test_a_conversation_of_two_turns_by_previous_response(
    other: Driver, upstream: Control, call: str
):
    upstream.enqueue("text", "text")
    first = answered(other, call, input="One")
    last = answered(other, call, input="Two", previous_response_id=first["id"])
    assert last["previous_response_id"] == first["id"]
    state = sent(upstream)
    [question, answer] = state["history"]
    assert question["userInputMessage"]["content"] == "One"
    assert answer["assistantResponseMessage"]["content"] == "Hello, world!"
    assert state["currentMessage"]["userInputMessage"]["content"] == "Two"


def test_an_image_goes_upstream(other: Driver, upstream: Control):
    upstream.enqueue("text")
    encoded = base64.b64encode(PNG).decode()
    content = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{encoded}"},
    ]
    answered(other, "responses.create", input=[{"role": "user", "content": content}])
    [image] = sent(upstream)["currentMessage"]["userInputMessage"]["images"]
    assert image == {"format": "png", "source": {"bytes": encoded}}


def test_structured_output_by_the_sdks_parse_helper(other: Driver, upstream: Control):
    upstream.enqueue(
        {"steps": [{"text": "It is mild."}]},
        {"steps": [{"text": '{"city":"Oslo","degrees":12}'}]},
    )
    answer = answered(other, "responses.parse", input="Weather?")
    [message] = answer["output"]
    assert message["content"][0]["parsed"] == {"city": "Oslo", "degrees": 12}
    assert upstream.calls() == 2
