"""The official OpenAI SDK against the gateway: Chat Completions."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import openai
import pydantic
import pytest

from simulator.control import Control
from tests.conftest import ACCOUNTS
from tests.processes import Gateway

MODEL = "claude-sonnet-4-20250514"
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)


def function(name: str, **properties: str) -> Any:
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": f"Call {name}.",
            "parameters": {
                "type": "object",
                "properties": {key: {"type": kind} for key, kind in properties.items()},
            },
        },
    }


TOOLS = [
    function("get_weather", city="string", unit="string"),
    function("get_time", zone="string"),
]


def ask(content: Any) -> list[Any]:
    return [{"role": "user", "content": content}]


def client_of(gateway: Gateway, key: str = "") -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{gateway.url}/v1", api_key=key or gateway.key, max_retries=0
    )


@pytest.fixture
def sdk(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with client_of(gateway) as client:
        yield client


def sent(upstream: Control) -> dict[str, Any]:
    """The conversation of the newest call upstream."""
    calls = upstream.requests("GenerateAssistantResponse")
    state: dict[str, Any] = calls[-1]["body"]["conversationState"]
    return state


def test_it_answers_without_a_stream(sdk: openai.OpenAI, upstream: Control):
    upstream.enqueue("text")
    answer = sdk.chat.completions.create(model=MODEL, messages=ask("Hi"))
    [choice] = answer.choices
    assert choice.message.content == "Hello, world!"
    assert choice.finish_reason == "stop"
    assert answer.model == MODEL
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.completion_tokens > 0


def test_it_streams_an_answer(sdk: openai.OpenAI, upstream: Control):
    upstream.enqueue("text")
    stream = sdk.chat.completions.create(model=MODEL, messages=ask("Hi"), stream=True)
    chunks = list(stream)
    deltas = [chunk.choices[0].delta.content for chunk in chunks]
    assert deltas == ["", "Hello", ", ", "world", "!", None]
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "stop"
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in chunks)


def test_the_usage_chunk_comes_last_where_it_is_asked_for(
    sdk: openai.OpenAI, upstream: Control
):
    upstream.enqueue("text")
    *chunks, last = sdk.chat.completions.create(
        model=MODEL,
        messages=ask("Hi"),
        stream=True,
        stream_options={"include_usage": True},
    )
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens == (
        last.usage.prompt_tokens + last.usage.completion_tokens
    )
    assert all(chunk.usage is None for chunk in chunks)


def test_the_sdks_own_accumulator_reads_two_parallel_calls(
    sdk: openai.OpenAI, upstream: Control
):
    upstream.enqueue("tools_in_parallel")
    with sdk.chat.completions.stream(
        model=MODEL, messages=ask("Weather and time?"), tools=TOOLS
    ) as stream:
        for _ in stream:
            pass
        [choice] = stream.get_final_completion().choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "Hello, world!"
    calls = [
        (call.function.name, json.loads(call.function.arguments))
        for call in choice.message.tool_calls or ()
    ]
    assert calls == [
        ("get_weather", {"city": "Oslo", "unit": "celsius"}),
        ("get_time", {"zone": "Europe/Oslo"}),
    ]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_round_trip_with_two_parallel_calls(
    sdk: openai.OpenAI, upstream: Control, streamed: bool
):
    upstream.enqueue("tools_in_parallel", "text")
    messages = ask("Weather and time?")
    if streamed:
        with sdk.chat.completions.stream(
            model=MODEL, messages=messages, tools=TOOLS
        ) as stream:
            first = stream.get_final_completion().choices[0].message
    else:
        asked: Any = {"model": MODEL, "messages": messages, "tools": TOOLS}
        first = sdk.chat.completions.create(**asked).choices[0].message
    calls = first.tool_calls or []
    assert len(calls) == 2
    messages.append(first.model_dump(exclude_none=True))
    for call, result in zip(calls, ("12 degrees", "noon"), strict=True):
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    last = sdk.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
    assert last.choices[0].message.content == "Hello, world!"
    current = sent(upstream)["currentMessage"]["userInputMessage"]
    results = current["userInputMessageContext"]["toolResults"]
    assert [result["toolUseId"] for result in results] == [call.id for call in calls]
    assert [result["content"] for result in results] == [
        [{"text": "12 degrees"}],
        [{"text": "noon"}],
    ]


def test_an_image_goes_upstream(sdk: openai.OpenAI, upstream: Control):
    upstream.enqueue("text")
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]
    sdk.chat.completions.create(model=MODEL, messages=ask(content))
    [image] = sent(upstream)["currentMessage"]["userInputMessage"]["images"]
    assert image["format"] == "png"
    assert base64.b64decode(image["source"]["bytes"]) == base64.b64decode(PNG)


def test_a_search_of_the_web_is_done_on_the_way(sdk: openai.OpenAI, upstream: Control):
    upstream.enqueue(
        {"steps": [{"tool": "web_search", "input": {"query": "snow"}}]}, "text"
    )
    answer = sdk.chat.completions.create(
        model=MODEL, messages=ask("Snow?"), web_search_options={}
    )
    [choice] = answer.choices
    assert (choice.message.content, choice.finish_reason) == ("Hello, world!", "stop")
    assert upstream.calls("InvokeMCP") == 1


def test_fields_that_cannot_be_honoured_are_named(
    sdk: openai.OpenAI, upstream: Control
):
    upstream.enqueue("text")
    raw = sdk.chat.completions.with_raw_response.create(
        model=MODEL, messages=ask("Hi"), temperature=0, seed=7, store=False
    )
    assert raw.headers["x-kiro2api-unhonoured"] == "temperature, seed"


def test_a_wrong_key_is_an_authentication_error(gateway: Gateway):
    with (
        client_of(gateway, "wrong") as sdk,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        sdk.chat.completions.create(model=MODEL, messages=ask("Hi"))
    assert caught.value.code == "invalid_api_key"


def test_an_unknown_model_is_not_found(sdk: openai.OpenAI):
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.chat.completions.create(model="nobody-knows-it", messages=ask("Hi"))
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"


def test_what_cannot_be_done_is_refused_by_its_name(sdk: openai.OpenAI):
    refused = {
        "n": 2,
        "logprobs": True,
        "top_logprobs": 3,
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "mp3"},
    }
    for field, value in refused.items():
        with pytest.raises(openai.BadRequestError) as caught:
            sdk.chat.completions.create(
                model=MODEL, messages=ask("Hi"), extra_body={field: value}
            )
        assert caught.value.param == field
        assert caught.value.code == "unsupported_parameter"
        body = caught.value.body
        assert isinstance(body, dict)
        assert set(body) == {"message", "type", "param", "code"}


def test_a_refusal_for_good_is_a_bad_request(sdk: openai.OpenAI, upstream: Control):
    upstream.enqueue("improperly_formed")
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(model=MODEL, messages=ask("Hi"))
    assert caught.value.type == "invalid_request_error"


def test_too_long_a_prompt_is_a_bad_request_that_says_so(
    sdk: openai.OpenAI, upstream: Control
):
    upstream.enqueue("input_too_long")
    with pytest.raises(openai.BadRequestError, match="prompt is too long") as caught:
        sdk.chat.completions.create(model=MODEL, messages=ask("Hi"), stream=True)
    assert caught.value.code == "context_length_exceeded"


def test_a_failure_before_the_first_event_has_a_status(
    sdk: openai.OpenAI, upstream: Control
):
    upstream.enqueue(*["nothing"] * 3)
    with pytest.raises(openai.InternalServerError) as caught:
        sdk.chat.completions.create(model=MODEL, messages=ask("Hi"), stream=True)
    assert caught.value.status_code == 502
    assert caught.value.type == "server_error"


def test_a_pool_out_of_credits_is_a_rate_limit_error(
    sdk: openai.OpenAI, upstream: Control
):
    upstream.enqueue(*["monthly_limit"] * len(ACCOUNTS))
    with pytest.raises(openai.RateLimitError) as caught:
        sdk.chat.completions.create(model=MODEL, messages=ask("Hi"), stream=True)
    assert caught.value.code == "insufficient_quota"
    assert caught.value.response.headers["x-should-retry"] == "false"


def test_a_failure_after_it_ends_the_stream_with_an_error(
    sdk: openai.OpenAI, upstream: Control
):
    upstream.enqueue("exception_after_text")
    pieces = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in sdk.chat.completions.create(
            model=MODEL, messages=ask("Hi"), stream=True
        ):
            pieces.append(chunk.choices[0].delta.content or "")
    assert "".join(pieces) == "Hello, world!"
    assert caught.value.type == "server_error"


def test_a_cut_tool_call_never_looks_complete(sdk: openai.OpenAI, upstream: Control):
    upstream.enqueue("tool_never_stopped_with_tail")
    finishes = []
    with pytest.raises(openai.APIError, match="middle of a tool call"):
        for chunk in sdk.chat.completions.create(
            model=MODEL, messages=ask("Weather?"), tools=TOOLS, stream=True
        ):
            finishes.append(chunk.choices[0].finish_reason)
    assert set(finishes) == {None}


class Weather(pydantic.BaseModel):
    city: str
    degrees: int


FITS = {"text": '{"city":"Oslo","degrees":12}'}
FENCED = {"text": '```json\n{"city":"Oslo","degrees":12}\n```'}
DOES_NOT = {"text": "It is 12 degrees in Oslo."}


@pytest.mark.parametrize("answers", [[FITS], [FENCED], [DOES_NOT, FENCED]])
def test_structured_output_by_the_sdks_parse_helper(
    sdk: openai.OpenAI, upstream: Control, answers: list[Any]
):
    upstream.enqueue(*({"steps": [answer]} for answer in answers))
    answer = sdk.chat.completions.parse(
        model=MODEL, messages=ask("Weather?"), response_format=Weather
    )
    [choice] = answer.choices
    assert choice.message.parsed == Weather(city="Oslo", degrees=12)
    assert choice.message.content == '{"city":"Oslo","degrees":12}'
    assert upstream.calls() == len(answers)


def test_structured_output_streamed(sdk: openai.OpenAI, upstream: Control):
    upstream.enqueue({"steps": [DOES_NOT]}, {"steps": [FITS]})
    with sdk.chat.completions.stream(
        model=MODEL,
        messages=ask("Weather?"),
        response_format=Weather,
        stream_options={"include_usage": True},
    ) as stream:
        answer = stream.get_final_completion()
    assert answer.choices[0].message.parsed == Weather(city="Oslo", degrees=12)
    assert answer.usage is not None


@pytest.mark.parametrize("streamed", [False, True])
def test_a_second_answer_that_does_not_fit_is_an_upstream_failure(
    sdk: openai.OpenAI, upstream: Control, streamed: bool
):
    upstream.enqueue({"steps": [DOES_NOT]}, {"steps": [DOES_NOT]})
    asked: Any = {"response_format": {"type": "json_object"}, "stream": streamed}
    with pytest.raises(openai.InternalServerError) as caught:
        sdk.chat.completions.create(model=MODEL, messages=ask("Weather?"), **asked)
    assert caught.value.status_code == 502
    assert upstream.calls() == 2


def test_a_tool_call_comes_before_the_structured_answer(
    sdk: openai.OpenAI, upstream: Control
):
    upstream.enqueue("tool")
    answer = sdk.chat.completions.create(
        model=MODEL,
        messages=ask("Weather?"),
        tools=TOOLS,
        response_format={"type": "json_object"},
    )
    assert answer.choices[0].finish_reason == "tool_calls"


def test_the_model_list_is_read(sdk: openai.OpenAI):
    assert MODEL in [model.id for model in sdk.models.list()]
    assert sdk.models.retrieve(MODEL).owned_by == "anthropic"
