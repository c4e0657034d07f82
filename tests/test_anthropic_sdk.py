"""The official Anthropic SDK against the gateway."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic.types import MessageParam, ToolParam

from simulator.control import Control
from tests.conftest import StartGateway
from tests.pictures import PNG
from tests.processes import Gateway

MODEL = "claude-sonnet-4-20250514"
WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
TIME: ToolParam = {
    "name": "get_time",
    "description": "The time in a zone.",
    "input_schema": {"type": "object", "properties": {"zone": {"type": "string"}}},
}
IN_OSLO = {"city": "Oslo", "unit": "celsius"}

# The SDK says when Anthropic itself retires a model; that is not about us.
pytestmark = pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")


def client_of(gateway: Gateway, retries: int = 0) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        base_url=gateway.url, api_key=gateway.key, max_retries=retries
    )


@pytest.fixture
def sdk(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    with client_of(gateway) as client:
        yield client


def ask(content: Any) -> list[MessageParam]:
    return [{"role": "user", "content": content}]


def request(options: dict[str, Any]) -> Any:
    return {"model": MODEL, "max_tokens": 1000, "messages": ask("Hi")} | options


def say(sdk: anthropic.Anthropic, **options: Any) -> Any:
    return sdk.messages.create(**request(options))


def hear(sdk: anthropic.Anthropic, **options: Any) -> Any:
    """The same, streamed."""
    with sdk.messages.stream(**request(options)) as stream:
        return stream.get_final_message()


def kind_of(error: anthropic.APIStatusError) -> str:
    body: Any = error.body
    assert error.request_id
    assert body["error"]["message"]
    kind: str = body["error"]["type"]
    return kind


def user_input(upstream: Control) -> Any:
    """What upstream was last asked, as it puts it."""
    asked = upstream.requests("GenerateAssistantResponse")[-1]["body"]
    return asked["conversationState"]["currentMessage"]["userInputMessage"]


either_way = pytest.mark.parametrize("send", [say, hear], ids=["whole", "streamed"])


# Answers


def test_it_streams_an_answer(sdk: anthropic.Anthropic, upstream: Control):
    upstream.enqueue("text")
    with sdk.messages.stream(model=MODEL, max_tokens=100, messages=ask("Hi")) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
    assert pieces == ["Hello", ", ", "world", "!"]
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0


def test_it_answers_without_a_stream(sdk: anthropic.Anthropic, upstream: Control):
    upstream.enqueue("text")
    message = say(sdk)
    assert [block.type for block in message.content] == ["text"]
    assert message.content[0].text == "Hello, world!"
    assert message.model == MODEL
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0
    assert message._request_id


@either_way
def test_a_tool_is_called_and_its_result_goes_back(
    sdk: anthropic.Anthropic, upstream: Control, send: Any
):
    upstream.enqueue("tool_after_text", "text")
    asked = send(sdk, tools=[WEATHER], messages=ask("The weather in Oslo?"))
    assert asked.stop_reason == "tool_use"
    assert [block.type for block in asked.content] == ["text", "tool_use"]
    call = asked.content[1]
    assert (call.name, call.input) == ("get_weather", IN_OSLO)

    told = send(
        sdk,
        tools=[WEATHER],
        messages=[
            *ask("The weather in Oslo?"),
            {"role": "assistant", "content": asked.content},
            *ask([{"type": "tool_result", "tool_use_id": call.id, "content": "Rain."}]),
        ],
    )
    assert told.stop_reason == "end_turn"
    results = user_input(upstream)["userInputMessageContext"]["toolResults"]
    assert [result["toolUseId"] for result in results] == [call.id]
    assert "Rain." in str(results[0]["content"])


@either_way
def test_tools_are_called_in_parallel(
    sdk: anthropic.Anthropic, upstream: Control, send: Any
):
    upstream.enqueue("tools_in_parallel")
    message = send(sdk, tools=[WEATHER, TIME])
    assert message.stop_reason == "tool_use"
    calls = [block for block in message.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in calls] == [
        ("get_weather", IN_OSLO),
        ("get_time", {"zone": "Europe/Oslo"}),
    ]
    assert calls[0].id != calls[1].id


DATA = base64.b64encode(PNG).decode()


@pytest.mark.parametrize(
    "source",
    [
        {"type": "base64", "media_type": "image/png", "data": DATA},
        {"type": "url", "url": f"data:image/png;base64,{DATA}"},
    ],
    ids=["base64", "data: URL"],
)
def test_an_image_reaches_upstream(
    sdk: anthropic.Anthropic, upstream: Control, source: dict[str, str]
):
    picture = {"type": "image", "source": source}
    say(sdk, messages=ask([picture, {"type": "text", "text": "What is it?"}]))
    images = user_input(upstream)["images"]
    assert images == [{"format": "png", "source": {"bytes": DATA}}]


@either_way
def test_max_tokens_and_stop_sequences_are_kept(
    sdk: anthropic.Anthropic, upstream: Control, send: Any
):
    upstream.enqueue("text_long", "text")
    message = send(sdk, max_tokens=20)
    assert message.stop_reason == "max_tokens"
    assert len(message.content[0].text) < 200
    message = send(sdk, stop_sequences=["wor", "never"])
    assert message.stop_reason == "stop_sequence"
    assert message.stop_sequence == "wor"
    assert message.content[0].text == "Hello, "


def test_tokens_are_counted(sdk: anthropic.Anthropic, upstream: Control):
    def count(text: str, **options: Any) -> int:
        return sdk.messages.count_tokens(
            model=MODEL, messages=ask(text), **options
        ).input_tokens

    counts = [count("Hi"), count("Hi " * 100), count("Hi " * 100, tools=[WEATHER])]
    assert 0 < counts[0] < counts[1] < counts[2]
    assert counts == [
        count("Hi"),
        count("Hi " * 100),
        count("Hi " * 100, tools=[WEATHER]),
    ]
    assert upstream.requests() == []


def test_models_are_listed_and_got(sdk: anthropic.Anthropic):
    listed = list(sdk.models.list(limit=5))
    assert MODEL in [model.id for model in listed]
    for model in listed:
        assert sdk.models.retrieve(model.id) == model
    with pytest.raises(anthropic.NotFoundError):
        sdk.models.retrieve("claude-of-another-world")


# Errors: client contracts, "status, type, exception"


@either_way
@pytest.mark.parametrize(
    ("options", "expected", "kind"),
    [
        ({"messages": []}, anthropic.BadRequestError, "invalid_request_error"),
        ({"model": "gemini-pro"}, anthropic.NotFoundError, "not_found_error"),
    ],
)
def test_a_bad_request_is_raised_as_its_own_class(
    sdk: anthropic.Anthropic, send: Any, options: Any, expected: Any, kind: str
):
    with pytest.raises(expected) as raised:
        send(sdk, **options)
    assert kind_of(raised.value) == kind


@either_way
@pytest.mark.parametrize(
    ("replies", "expected", "kind"),
    [
        (["input_too_long"], anthropic.BadRequestError, "invalid_request_error"),
        (["improperly_formed"], anthropic.BadRequestError, "invalid_request_error"),
        (["user_rate"] * 3, anthropic.RateLimitError, "rate_limit_error"),
        (["suspended"] * 3, anthropic.ServiceUnavailableError, "api_error"),
        (["internal"] * 3, anthropic.InternalServerError, "api_error"),
        (["model_capacity"] * 2, anthropic.OverloadedError, "overloaded_error"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_failure_upstream_is_raised_as_its_own_class(
    sdk: anthropic.Anthropic,
    upstream: Control,
    send: Any,
    replies: list[str],
    expected: Any,
    kind: str,
):
    upstream.enqueue(*replies)
    with pytest.raises(expected) as raised:
        send(sdk)
    assert kind_of(raised.value) == kind
    assert upstream.state()["queued"] == 0


@either_way
def test_a_wrong_key_is_raised_as_such(gateway: Gateway, send: Any):
    with (
        anthropic.Anthropic(base_url=gateway.url, api_key="wrong") as stranger,
        pytest.raises(anthropic.AuthenticationError) as raised,
    ):
        send(stranger)
    assert kind_of(raised.value) == "authentication_error"


@either_way
def test_too_large_and_too_late_are_raised_as_such(
    start_gateway: StartGateway, upstream: Control, send: Any
):
    gateway = start_gateway(MAX_BODY_BYTES="10000", UPSTREAM_IDLE_TIMEOUT="0.3")
    with client_of(gateway) as sdk:
        with pytest.raises(anthropic.APIStatusError) as raised:
            send(sdk, messages=ask("Hi" * 10_000))
        assert raised.value.status_code == 413
        assert kind_of(raised.value) == "request_too_large"
        upstream.enqueue({"steps": [{"gate": "never"}]})
        with pytest.raises(anthropic.APIStatusError) as raised:
            send(sdk)
        assert raised.value.status_code == 504
        assert kind_of(raised.value) == "timeout_error"


def test_a_stream_that_breaks_raises_from_the_iterator(
    sdk: anthropic.Anthropic, upstream: Control
):
    upstream.enqueue("exception_after_text")
    heard = []
    with (
        pytest.raises(anthropic.APIStatusError) as raised,
        sdk.messages.stream(model=MODEL, max_tokens=100, messages=ask("Hi")) as stream,
    ):
        for text in stream.text_stream:
            heard.append(text)
    assert "".join(heard) == "Hello, world!"
    assert kind_of(raised.value) == "api_error"


def test_it_retries_only_what_may_get_better(gateway: Gateway, upstream: Control):
    upstream.enqueue(*["internal"] * 3)
    with client_of(gateway, retries=2) as sdk:
        assert say(sdk).content[0].text == "You said: Hi"
        for name in ("first", "second", "third"):
            upstream.update_account(name, credits_used=10_000.0)
        with pytest.raises(anthropic.RateLimitError, match="out of credits until"):
            say(sdk)
    assert upstream.calls() == 3 + 1 + 3
