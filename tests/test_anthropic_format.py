"""Answers of a wanted form, by the official Anthropic SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from simulator.control import Control
from tests.processes import Gateway

MODEL = "claude-sonnet-4-20250514"
TITLE = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
    "additionalProperties": False,
}
FENCED = {"steps": [{"text": ['```json\n{"title":', ' "Snow"}\n```']}]}
WRONG = {"steps": [{"text": "Snow"}]}

# The SDK says when Anthropic itself retires a model; that is not about us.
pytestmark = pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")


@pytest.fixture
def sdk(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=gateway.url, api_key=gateway.key, max_retries=0
    ) as client:
        yield client


WISHES: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 500,
    "messages": [{"role": "user", "content": "Name this conversation"}],
    "output_config": {"format": {"type": "json_schema", "schema": TITLE}},
}


def say(sdk: anthropic.Anthropic) -> dict[str, Any]:
    message: anthropic.types.Message = sdk.messages.create(**WISHES)
    return message.to_dict()


def hear(sdk: anthropic.Anthropic) -> dict[str, Any]:
    """The same, streamed."""
    with sdk.messages.stream(**WISHES) as stream:
        return stream.get_final_message().to_dict()


@pytest.mark.parametrize("send", [say, hear], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "replies", [[FENCED], [WRONG, FENCED]], ids=["first", "second"]
)
def test_the_answer_is_the_bare_json(
    send: Any, replies: Any, sdk: anthropic.Anthropic, upstream: Control
):
    upstream.enqueue(*replies)
    message = send(sdk)
    (block,) = message["content"]
    assert json.loads(block["text"]) == {"title": "Snow"}
    assert message["stop_reason"] == "end_turn"
    assert upstream.calls() == len(replies)


def test_an_answer_that_never_fits_is_a_failure_before_the_first_byte(
    sdk: anthropic.Anthropic, upstream: Control
):
    upstream.enqueue(WRONG, WRONG)
    with pytest.raises(anthropic.InternalServerError) as failed:
        hear(sdk)
    assert failed.value.status_code == 502
