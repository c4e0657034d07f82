"""Upstreams that keep a client waiting."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from simulator.control import Control
from tests.calls import BODY, STREAMED, anthropic_error, ask, caller, events
from tests.conftest import StartGateway
from tests.processes import Gateway

HELLO = {"text": ["Hello"]}


def lines_until_ping(answer: httpx.Response) -> tuple[list[str], Iterator[str]]:
    """What came up to the first ping, and the rest."""
    lines = answer.iter_lines()
    before = []
    for line in lines:
        if line == "event: ping":
            break
        before.append(line)
    return before, lines


def test_a_stream_opens_in_time_and_the_answer_follows(
    gateway: Gateway, upstream: Control
):
    """Nothing comes for ten seconds: the client hears of life all the same."""
    upstream.enqueue({"steps": [HELLO], "gate": "late"})
    with (
        caller(gateway) as http,
        http.stream("POST", "/v1/messages", json=STREAMED) as answer,
    ):
        assert answer.status_code == 200
        before, rest = lines_until_ping(answer)
        assert [line for line in before if line.startswith("event: ")] == [
            "event: message_start"
        ]
        upstream.open_gate("late")
        assert "event: message_stop" in list(rest)


def test_another_account_serves_though_the_stream_is_open(
    gateway: Gateway, upstream: Control
):
    upstream.enqueue({"fault": "suspended", "gate": "late"})
    with (
        caller(gateway) as http,
        http.stream("POST", "/v1/messages", json=STREAMED) as answer,
    ):
        _, rest = lines_until_ping(answer)
        upstream.open_gate("late")
        after = list(rest)
    assert "event: message_stop" in after
    assert "event: error" not in after
    calls = upstream.requests("GenerateAssistantResponse")
    assert [call["account"] for call in calls] == ["first", "second"]


def test_silence_in_the_middle_ends_in_an_error_event(
    start_gateway: StartGateway, upstream: Control
):
    gateway = start_gateway(UPSTREAM_IDLE_TIMEOUT="1")
    upstream.enqueue({"steps": [HELLO, {"gate": "never"}]})
    told = events(ask(gateway, STREAMED).text)
    assert told[-1]["error"]["type"] == "timeout_error"
    assert "content_block_stop" in [event["type"] for event in told]
    upstream.wait_for_streams(0)


def test_silence_from_the_start_is_a_status(
    start_gateway: StartGateway, upstream: Control
):
    gateway = start_gateway(UPSTREAM_IDLE_TIMEOUT="1")
    upstream.enqueue({"steps": [HELLO], "gate": "never"})
    answer = ask(gateway, BODY)
    anthropic_error(answer, 504, "timeout_error")
