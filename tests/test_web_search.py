"""A web search, from the official SDK to the upstream's search and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from simulator.control import Control
from tests.processes import Gateway

MODEL = "claude-sonnet-4-20250514"
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
WEATHER = {
    "name": "get_weather",
    "description": "The weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
ASKED = {"role": "user", "content": "Perform a web search for the query: snow"}
LOOKING: list[Any] = [
    {"text": "I look."},
    {"tool": "web_search", "input": {"query": "snow"}, "id": "tooluse_1"},
]

# The SDK says when Anthropic itself retires a model; that is not about us.
pytestmark = pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")

Blocks = list[dict[str, Any]]


@pytest.fixture
def sdk(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=gateway.url, api_key=gateway.key, max_retries=0
    ) as client:
        yield client


def say(sdk: anthropic.Anthropic, **request: Any) -> dict[str, Any]:
    wishes = {"messages": [ASKED], "tools": [SEARCH], **request}
    message: anthropic.types.Message = sdk.messages.create(
        model=MODEL, max_tokens=1000, **wishes
    )
    return message.to_dict()


def hear(sdk: anthropic.Anthropic, **request: Any) -> dict[str, Any]:
    """The same, streamed."""
    wishes = {"messages": [ASKED], "tools": [SEARCH], **request}
    with sdk.messages.stream(model=MODEL, max_tokens=1000, **wishes) as stream:
        return stream.get_final_message().to_dict()


def kinds(blocks: Blocks) -> list[str]:
    return [block["type"] for block in blocks]


@pytest.mark.parametrize("send", [say, hear], ids=["whole", "streamed"])
def test_a_search_and_its_answer_are_one_message(
    send: Any, sdk: anthropic.Anthropic, upstream: Control
):
    upstream.enqueue({"steps": LOOKING}, "text")
    message = send(sdk, tool_choice={"type": "tool", "name": "web_search"})
    assert kinds(message["content"]) == [
        "text",
        "server_tool_use",
        "web_search_tool_result",
        "text",
    ]
    _, use, result, answer = message["content"]
    assert use["input"] == {"query": "snow"}
    assert result["tool_use_id"] == use["id"]
    assert [page["url"] for page in result["content"]] == [
        "https://example.com/guide",
        "https://example.com/reference",
        "https://example.com/news",
    ]
    assert answer["text"] == "Hello, world!"
    assert message["stop_reason"] == "end_turn"
    assert message["usage"]["server_tool_use"]["web_search_requests"] == 1


def test_a_search_that_fails_is_an_error_block(
    sdk: anthropic.Anthropic, upstream: Control
):
    upstream.enqueue({"steps": LOOKING}, "text")
    upstream.enqueue("internal", operation="InvokeMCP")
    _, _, result, answer = hear(sdk)["content"]
    assert result["content"]["error_code"] == "unavailable"
    assert answer["text"] == "Hello, world!"


def test_a_token_that_the_search_refuses_is_renewed(
    sdk: anthropic.Anthropic, upstream: Control
):
    upstream.enqueue({"steps": LOOKING}, "text")
    upstream.enqueue("token_expired", operation="InvokeMCP")
    _, _, result, _ = hear(sdk)["content"]
    assert len(result["content"]) == 3


def test_searches_beside_the_clients_tools_stay_in_the_conversation(
    sdk: anthropic.Anthropic, upstream: Control
):
    calling = {"tool": "get_weather", "input": {"city": "Oslo"}}
    upstream.enqueue({"steps": [*LOOKING, calling]})
    tools = [SEARCH, WEATHER]
    message = hear(sdk, tools=tools)
    assert message["stop_reason"] == "tool_use"
    *_, result, use = message["content"]
    assert kinds([result, use]) == ["web_search_tool_result", "tool_use"]
    weather = {"type": "tool_result", "tool_use_id": use["id"], "content": "Cold"}
    said = [
        ASKED,
        {"role": "assistant", "content": message["content"]},
        {"role": "user", "content": [weather]},
    ]
    upstream.enqueue("text")
    hear(sdk, tools=tools, messages=said)
    sent = str(upstream.requests("GenerateAssistantResponse")[-1]["body"])
    assert "What the guide says about snow." in sent


def test_a_function_called_web_search_is_the_clients(
    sdk: anthropic.Anthropic, upstream: Control
):
    function = {**WEATHER, "name": "web_search"}
    upstream.enqueue({"steps": LOOKING})
    message = hear(sdk, tools=[function])
    assert kinds(message["content"]) == ["text", "tool_use"]
    assert upstream.calls("InvokeMCP") == 0
