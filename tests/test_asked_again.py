"""What the gateway asks upstream a second time for, before a client hears of it."""

from __future__ import annotations

from simulator.control import Control
from tests.calls import BODY, anthropic_error, ask, text_of, user
from tests.processes import Gateway

THINKS = "claude-sonnet-5"


def calls(upstream: Control) -> list[dict]:
    return upstream.requests("GenerateAssistantResponse")


def test_an_empty_answer_is_asked_for_again(gateway: Gateway, upstream: Control):
    upstream.enqueue("empty", "empty", "text")
    assert text_of(ask(gateway)) == "Hello, world!"
    assert len(calls(upstream)) == 3


def test_answers_that_stay_empty_are_an_error_not_worth_a_retry(
    gateway: Gateway, upstream: Control
):
    upstream.enqueue("empty", "empty", "empty", "text")
    answer = ask(gateway)
    assert "empty" in anthropic_error(answer, 502, "api_error")
    assert answer.headers["x-should-retry"] == "false"
    assert len(calls(upstream)) == 3


def test_thinking_that_upstream_does_not_accept_is_left_out_once(
    gateway: Gateway, upstream: Control
):
    asked = BODY | {"model": THINKS, "thinking": {"type": "adaptive"}}
    upstream.enqueue("thinking_native")
    thought = ask(gateway, asked).json()["content"]
    assert [block["type"] for block in thought] == ["thinking", "text"]
    assert thought[0]["signature"]
    said = [{"role": "assistant", "content": thought}, *user("Go on")]
    upstream.enqueue({"fault": "signature_invalid"}, "text")
    assert text_of(ask(gateway, asked | {"messages": user("Hi") + said})) == (
        "Hello, world!"
    )
    refused, accepted = (str(call["body"]) for call in calls(upstream)[1:])
    assert "reasoningContent" in refused
    assert "reasoningContent" not in accepted
