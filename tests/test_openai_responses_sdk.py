"""The official OpenAI SDK against the gateway: Responses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pydantic
import pytest

from simulator.control import Control
from tests.processes import Gateway, manage

MODEL = "claude-sonnet-4-20250514"
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)


def function(name: str, **properties: str) -> Any:
    return {
        "type": "function",
        "name": name,
        "description": f"Call {name}.",
        "parameters": {
            "type": "object",
            "properties": {key: {"type": kind} for key, kind in properties.items()},
        },
    }


TOOLS = [
    function("get_weather", city="string", unit="string"),
    function("get_time", zone="string"),
]


def client_of(gateway: Gateway, key: str = "") -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{gateway.url}/v1", api_key=key or gateway.key, max_retries=0
    )


@pytest.fixture
def sdk(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with client_of(gateway) as client:
        yield client


NEW_KEY = (
    "from clients.models import ApiKey; "
    "row = ApiKey(name='another'); key = row.make_key(); row.save(); print(key)"
)


@pytest.fixture
def another(gateway: Gateway) -> Iterator[openai.OpenAI]:
    """A client with another key."""
    made = manage("shell", "-v", "0", "-c", NEW_KEY, env=gateway.env)
    assert made.returncode == 0, made.stderr
    with client_of(gateway, made.stdout.strip()) as client:
        yield client


def sent(upstream: Control) -> dict[str, Any]:
    """The conversation of the newest call upstream."""
    calls = upstream.requests("GenerateAssistantResponse")
    state: dict[str, Any] = calls[-1]["body"]["conversationState"]
    return state


def test_it_answers_without_a_stream(sdk: openai.OpenAI, upstream: Control):
    upstream.enqueue("text")
    answer = sdk.responses.create(model=MODEL, input="Hi", instructions="Be brief.")
    assert answer.output_text == "Hello, world!"
    assert answer.status == "completed"
    assert answer.model == MODEL
    assert answer.instructions == "Be brief."
    assert answer.usage is not None
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0


def test_it_streams_an_answer(sdk: openai.OpenAI, upstream: Control):
    upstream.enqueue("text")
    events = list(sdk.responses.create(model=MODEL, input="Hi", stream=True))
    assert [event.type for event in events] == [
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
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_the_sdks_own_accumulator_reads_two_parallel_calls(
    sdk: openai.OpenAI, upstream: Control
):
    upstream.enqueue("tools_in_parallel")
    with sdk.responses.stream(model=MODEL, input="Weather?", tools=TOOLS) as stream:
        for _ in stream:
            pass
        answer = stream.get_final_response()
    assert answer.output_text == "Hello, world!"
    calls = [
        (item.name, json.loads(item.arguments))
        for item in answer.output
        if item.type == "function_call"
    ]
    assert calls == [
        ("get_weather", {"city": "Oslo", "unit": "celsius"}),
        ("get_time", {"zone": "Europe/Oslo"}),
    ]


@pytest.mark.parametrize("by", ["items", "references", "previous response"])
def test_a_round_trip_with_two_parallel_calls(
    sdk: openai.OpenAI, upstream: Control, by: str
):
    upstream.enqueue("tools_in_parallel", "text")
    first = sdk.responses.create(model=MODEL, input="Weather and time?", tools=TOOLS)
    asked: Any = {"role": "user", "content": "Weather and time?"}
    calls = [item for item in first.output if item.type == "function_call"]
    before: dict[str, list[Any]] = {
        "items": [asked, *(item.model_dump() for item in first.output)],
        "references": [asked, *({"id": item.id} for item in first.output)],
        "previous response": [],
    }
    results: list[Any] = [
        {"type": "function_call_output", "call_id": call.call_id, "output": output}
        for call, output in zip(calls, ("12 degrees", "noon"), strict=True)
    ]
    more: Any = {"previous_response_id": first.id} if by == "previous response" else {}
    last = sdk.responses.create(
        model=MODEL, input=[*before[by], *results], tools=TOOLS, **more
    )
    assert last.output_text == "Hello, world!"
    state = sent(upstream)
    [question, answer] = state["history"]
    assert question["userInputMessage"]["content"] == "Weather and time?"
    assert answer["assistantResponseMessage"]["content"] == "Hello, world!"
    current = state["currentMessage"]["userInputMessage"]
    answered = current["userInputMessageContext"]["toolResults"]
    assert [result["toolUseId"] for result in answered] == [
        call.call_id for call in calls
    ]
    assert [result["content"][0]["text"] for result in answered] == [
        "12 degrees",
        "noon",
    ]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_conversation_of_three_turns_by_previous_response(
    sdk: openai.OpenAI, upstream: Control, streamed: bool
):
    upstream.enqueue("text", "text", "text")
    previous: Any = {}
    for said in ("One", "Two", "Three"):
        asked: Any = {"model": MODEL, "input": said, **previous}
        if streamed:
            *_, last = sdk.responses.create(**asked, stream=True)
            answer = last.response
        else:
            answer = sdk.responses.create(**asked)
        previous = {"previous_response_id": answer.id}
    state = sent(upstream)
    said_before = [
        turn["userInputMessage"]["content"]
        for turn in state["history"]
        if "userInputMessage" in turn
    ]
    assert said_before == ["One", "Two"]
    assert state["currentMessage"]["userInputMessage"]["content"] == "Three"


def test_a_response_is_kept_until_it_is_deleted(sdk: openai.OpenAI, upstream: Control):
    upstream.enqueue("text")
    made = sdk.responses.create(model=MODEL, input="Hi", metadata={"a": "b"})
    assert sdk.responses.retrieve(made.id) == made
    sdk.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        sdk.responses.delete(made.id)


def test_a_response_that_is_not_to_be_stored_is_not(
    sdk: openai.OpenAI, upstream: Control
):
    upstream.enqueue("text")
    made = sdk.responses.create(model=MODEL, input="Hi", store=False)
    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.responses.create(model=MODEL, input="Hi", previous_response_id=made.id)
    assert caught.value.code == "previous_response_not_found"


def test_a_response_belongs_to_the_key_that_made_it(
    sdk: openai.OpenAI, another: openai.OpenAI, upstream: Control
):
    upstream.enqueue("text", "text")
    made = sdk.responses.create(model=MODEL, input="Hi")
    named: list[Any] = [{"type": "item_reference", "id": made.output[0].id}]
    with pytest.raises(openai.NotFoundError):
        another.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        another.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        another.responses.create(model=MODEL, input="Hi", previous_response_id=made.id)
    with pytest.raises(openai.NotFoundError):
        another.responses.create(model=MODEL, input=named)
    own = another.responses.create(model=MODEL, input="Hi")
    assert another.responses.retrieve(own.id) == own
    assert sdk.responses.retrieve(made.id) == made


def test_an_image_goes_upstream(sdk: openai.OpenAI, upstream: Control):
    upstream.enqueue("text")
    content: Any = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
    ]
    sdk.responses.create(model=MODEL, input=[{"role": "user", "content": content}])
    [image] = sent(upstream)["currentMessage"]["userInputMessage"]["images"]
    assert image["format"] == "png"
    assert image["source"]["bytes"] == PNG


def test_reasoning_goes_to_the_client_and_back(sdk: openai.OpenAI, upstream: Control):
    upstream.enqueue("thinking_native_and_tool", "text")
    asked: Any = {
        "model": "claude-opus-4-6",
        "reasoning": {"effort": "high"},
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "tools": TOOLS,
    }
    first = sdk.responses.create(input="Weather?", **asked)
    [reasoning, call] = first.output
    assert reasoning.type == "reasoning"
    assert reasoning.summary[0].text == "Let me think about this."
    assert call.type == "function_call"
    items: list[Any] = [
        {"role": "user", "content": "Weather?"},
        *(item.model_dump() for item in first.output),
        {"type": "function_call_output", "call_id": call.call_id, "output": "Rain"},
    ]
    sdk.responses.create(input=items, **asked)
    replayed = sent(upstream)["history"][-1]["assistantResponseMessage"]
    text = replayed["reasoningContent"]["reasoningText"]
    assert text["text"] == "Let me think about this."
    assert text["signature"] in (reasoning.encrypted_content or "")


def test_a_search_of_the_web_is_an_item(sdk: openai.OpenAI, upstream: Control):
    upstream.enqueue(
        {"steps": [{"tool": "web_search", "input": {"query": "snow"}}]}, "text"
    )
    tools: Any = [{"type": "web_search"}]
    with sdk.responses.stream(model=MODEL, input="Snow?", tools=tools) as stream:
        answer: Any = stream.get_final_response()
    [search, message] = answer.output
    assert (search.type, message.type) == ("web_search_call", "message")
    assert search.action.query == "snow"
    assert answer.output_text == "Hello, world!"
    assert upstream.calls("InvokeMCP") == 1


def test_tools_that_only_others_have_are_no_reason_to_refuse(
    sdk: openai.OpenAI, upstream: Control
):
    upstream.enqueue({"steps": [{"tool": "github__search", "input": {"q": "x"}}]})
    search = function("search", q="string")
    tools: Any = [
        *TOOLS,
        {"type": "namespace", "name": "github", "description": "", "tools": [search]},
        {"type": "web_search", "external_web_access": False},
        {"type": "image_generation"},
    ]
    raw = sdk.responses.with_raw_response.create(model=MODEL, input="Go", tools=tools)
    assert raw.headers["x-kiro2api-unhonoured"] == (
        "tools.3.web_search, tools.4.image_generation"
    )
    [call] = raw.parse().output
    assert call.type == "function_call"
    assert (call.namespace, call.name) == ("github", "search")


def test_a_custom_tool_gets_its_plain_text(sdk: openai.OpenAI, upstream: Control):
    upstream.enqueue({"steps": [{"tool": "patch", "input": {"input": "*** Begin"}}]})
    tools: Any = [{"type": "custom", "name": "patch", "description": "Edit."}]
    with sdk.responses.stream(model=MODEL, input="Go", tools=tools) as stream:
        [call] = stream.get_final_response().output
    assert call.type == "custom_tool_call"
    assert (call.name, call.input) == ("patch", "*** Begin")


class Weather(pydantic.BaseModel):
    city: str
    degrees: int


@pytest.mark.parametrize("streamed", [False, True])
def test_structured_output_by_the_sdks_parse_helper(
    sdk: openai.OpenAI, upstream: Control, streamed: bool
):
    fits = '{"city":"Oslo","degrees":12}'
    upstream.enqueue({"steps": [{"text": "Mild."}]}, {"steps": [{"text": fits}]})
    asked: Any = {"model": MODEL, "input": "Weather?", "text_format": Weather}
    if streamed:
        with sdk.responses.stream(**asked) as stream:
            answer = stream.get_final_response()
    else:
        answer = sdk.responses.parse(**asked)
    assert answer.output_parsed == Weather(city="Oslo", degrees=12)
    assert sdk.responses.retrieve(answer.id).output_text == fits


def test_a_failure_before_the_first_event_has_a_status(
    sdk: openai.OpenAI, upstream: Control
):
    upstream.enqueue(*["nothing"] * 3)
    with pytest.raises(openai.InternalServerError) as caught:
        sdk.responses.create(model=MODEL, input="Hi", stream=True)
    assert caught.value.status_code == 502


def test_a_failure_after_it_fails_the_response(sdk: openai.OpenAI, upstream: Control):
    upstream.enqueue("exception_after_text")
    *_, last = sdk.responses.create(model=MODEL, input="Hi", stream=True)
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert last.response.error.code == "server_error"
    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve(last.response.id)


def test_a_cut_tool_call_leaves_the_response_incomplete(
    sdk: openai.OpenAI, upstream: Control
):
    upstream.enqueue("tool_never_stopped_with_tail")
    *events, last = sdk.responses.create(
        model=MODEL, input="Weather?", tools=TOOLS, stream=True
    )
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == "max_output_tokens"
    done = [e.item.type for e in events if e.type == "response.output_item.done"]
    assert done == ["message"]
    assert [item.type for item in last.response.output] == ["message"]


def test_errors_have_their_class_and_all_four_keys(
    sdk: openai.OpenAI, gateway: Gateway
):
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.responses.create(model=MODEL, input="Hi", background=True)
    assert refused.value.param == "background"
    assert refused.value.code == "unsupported_parameter"
    assert isinstance(refused.value.body, dict)
    assert set(refused.value.body) == {"message", "type", "param", "code"}
    with pytest.raises(openai.NotFoundError) as unknown:
        sdk.responses.create(model="nobody-knows-it", input="Hi")
    assert unknown.value.code == "model_not_found"
    with (
        client_of(gateway, "wrong") as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.responses.create(model=MODEL, input="Hi")
