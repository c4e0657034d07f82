"""Streams that break off, on either side."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from simulator.control import Control
from tests.calls import BODY, STREAMED, anthropic_error, ask, caller, events, text_of
from tests.processes import Gateway, until


def last_call(upstream: Control) -> dict[str, Any]:
    return upstream.requests("GenerateAssistantResponse")[-1]


# Upstream breaks off after the first content


@pytest.mark.parametrize(
    "broken",
    [
        "reset_after_text",
        "closed_after_text",
        "cut_in_frame",
        "cut_in_tool",
        "bad_crc",
        "exception_after_text",
        "exception_in_tool",
        "error_frame_after_text",
    ],
)
def test_a_failure_in_the_middle_is_an_error_event_at_the_end(
    gateway: Gateway, upstream: Control, broken: str
):
    upstream.enqueue(broken)
    answer = ask(gateway, STREAMED)
    assert answer.status_code == 200
    told = events(answer.text)
    assert told[0]["type"] == "message_start"
    assert told[-1]["type"] == "error"
    assert told[-1]["error"]["type"] in ("api_error", "overloaded_error")
    assert "message_stop" not in [event["type"] for event in told]
    assert text_of(ask(gateway)) == "You said: Hi"


def test_the_next_request_leaves_an_account_that_failed_in_the_middle(
    gateway: Gateway, upstream: Control
):
    upstream.enqueue("throttled_after_text")
    assert events(ask(gateway, STREAMED).text)[-1]["type"] == "error"
    assert last_call(upstream)["account"] == "first"
    assert text_of(ask(gateway)) == "You said: Hi"
    assert last_call(upstream)["account"] == "second"


def test_a_failure_in_the_middle_of_a_whole_answer_is_a_status(
    gateway: Gateway, upstream: Control
):
    upstream.enqueue("exception_after_text")
    assert anthropic_error(ask(gateway, BODY), 502, "api_error")


# The client hangs up

HELD = {"steps": [{"text": "Hello"}, {"gate": "held"}, {"text": "never heard"}]}


def test_hanging_up_in_a_stream_ends_the_upstream_call_at_once(
    gateway: Gateway, upstream: Control
):
    upstream.enqueue(HELD)
    with (
        caller(gateway) as http,
        http.stream("POST", "/v1/messages", json=STREAMED) as answer,
    ):
        heard = answer.iter_text()
        while "Hello" not in next(heard):
            pass
    assert_upstream_call_ended(gateway, upstream)


@pytest.mark.parametrize(
    "reply",
    [HELD, {"script": "text", "gate": "held"}],
    ids=["while upstream answers", "before upstream answers"],
)
@pytest.mark.parametrize("body", [BODY, STREAMED], ids=["whole", "streamed"])
def test_hanging_up_before_an_answer_ends_the_upstream_call_at_once(
    gateway: Gateway, upstream: Control, reply: dict[str, Any], body: dict[str, Any]
):
    upstream.enqueue(reply)
    content = json.dumps(body).encode()
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(
            b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %b\r\n"
            b"Content-Length: %d\r\n\r\n%b"
            % (gateway.key.encode(), len(content), content)
        )
        upstream.wait_for_gate("held")
    assert_upstream_call_ended(gateway, upstream)


def assert_upstream_call_ended(gateway: Gateway, upstream: Control) -> None:
    upstream.wait_for_streams(0)
    # Long before the server gives up on an application by itself.
    until(lambda: last_call(upstream)["state"] != "running", seconds=5)
    assert last_call(upstream)["state"] == "client_gone"
    account = last_call(upstream)["account"]
    assert text_of(ask(gateway)) == "You said: Hi"
    assert last_call(upstream)["account"] == account  # nobody is to blame
