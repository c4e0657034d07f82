"""The official Anthropic SDK against the gateway."""

from __future__ import annotations

import anthropic
import pytest

from simulator.control import Control
from tests.processes import Gateway

MODEL = "claude-sonnet-4-20250514"

# The SDK says when Anthropic itself retires a model; that is not about us.
pytestmark = pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")


@pytest.fixture
def sdk(gateway: Gateway):
    with anthropic.Anthropic(
        base_url=gateway.url, api_key=gateway.key, max_retries=0
    ) as client:
        yield client


def ask(text: str) -> list[anthropic.types.MessageParam]:
    return [{"role": "user", "content": text}]


def test_it_streams_an_answer(sdk: anthropic.Anthropic, upstream: Control):
    upstream.enqueue("text")
    with sdk.messages.stream(
        model=MODEL, max_tokens=100, messages=ask("Hi")
    ) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
    assert pieces == ["Hello", ", ", "world", "!"]
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0


def test_it_answers_without_a_stream(sdk: anthropic.Anthropic, upstream: Control):
    upstream.enqueue("text")
    message = sdk.messages.create(model=MODEL, max_tokens=100, messages=ask("Hi"))
    assert [block.text for block in message.content] == ["Hello, world!"]
    assert message.model == MODEL
