"""Accounts that fail, one after the other, and what the client hears of it."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.control import Control
from tests.calls import BODY, STREAMED, anthropic_error, ask, caller, events, text_of
from tests.conftest import ACCOUNTS, StartGateway
from tests.processes import Gateway, environment, manage, until

NAMES = [account["name"] for account in ACCOUNTS]
OUT_OF_CREDITS = {"credits_limit": 1000.0, "credits_used": 1000.0}


def last_call(upstream: Control) -> dict[str, Any]:
    return upstream.requests("GenerateAssistantResponse")[-1]


def served_by(upstream: Control) -> str:
    name: str = last_call(upstream)["account"]
    return name


# The client notices nothing


@pytest.mark.parametrize(
    "trouble",
    [
        OUT_OF_CREDITS,
        {"state": "suspended"},
        {"state": "unauthorized"},
        {"state": "wrong_application"},
        {"state": "feature_not_supported"},
        {"throttle": "user_rate"},
        {"throttle": "daily_limit"},
        {"refresh_fault": "invalid_grant"},
        {"refresh_fault": "server_error"},
        {"refresh_fault": "network"},
    ],
    ids=lambda trouble: "-".join(map(str, trouble.values())),
)
def test_the_second_account_serves_when_the_first_cannot(
    gateway: Gateway, upstream: Control, trouble: dict[str, Any]
):
    upstream.update_account("first", **trouble)
    assert text_of(ask(gateway, STREAMED)) == "You said: Hi"
    assert served_by(upstream) == "second"
    before = len(upstream.requests(account="first"))
    assert text_of(ask(gateway, BODY)) == "You said: Hi"
    assert served_by(upstream) == "second"
    assert len(upstream.requests(account="first")) == before


def test_the_third_account_serves_when_two_cannot(gateway: Gateway, upstream: Control):
    upstream.update_account("first", **OUT_OF_CREDITS)
    upstream.update_account("second", state="suspended")
    assert text_of(ask(gateway)) == "You said: Hi"
    assert served_by(upstream) == "third"


@pytest.mark.parametrize("body", [BODY, STREAMED], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "fault",
    [
        "internal",
        "unavailable",
        "bad_gateway",
        "timeout",
        "edge_refusal",
        "network",
        "model_capacity",
        "invalid_model",
        "reset_before_text",
        "bad_crc_first",
        "exception_before_text",
        "unavailable_before_text",
        "empty",
    ],
)
def test_a_failure_before_the_first_content_is_hidden(
    gateway: Gateway, upstream: Control, fault: str, body: dict[str, Any]
):
    before = upstream.calls()
    upstream.enqueue(fault)
    assert text_of(ask(gateway, body)) == "You said: Hi"
    assert upstream.calls() == before + 2


def test_a_token_refused_while_it_is_young_costs_the_account_its_turn(
    gateway: Gateway, upstream: Control
):
    upstream.enqueue("bearer_invalid")
    assert text_of(ask(gateway)) == "You said: Hi"
    assert served_by(upstream) == "second"


def test_an_account_whose_token_is_worn_out_is_renewed_and_kept(
    gateway: Gateway, upstream: Control
):
    assert text_of(ask(gateway)) == "You said: Hi"
    upstream.expire_access_token("first")
    gateway.sql("UPDATE accounts_account SET refreshed_at = datetime('now', '-1 hour')")
    assert text_of(ask(gateway)) == "You said: Hi"
    assert served_by(upstream) == "first"
    assert upstream.account("first")["refreshes"] == 2


# The client must be told: client contracts, "our own accounts' trouble"


def test_all_out_of_credits_is_a_429_with_the_date_and_no_retries(
    gateway: Gateway, upstream: Control
):
    for name in NAMES:
        upstream.update_account(name, **OUT_OF_CREDITS)
    for _ in range(2):
        answer = ask(gateway, STREAMED)
        message = anthropic_error(answer, 429, "rate_limit_error")
        reset = datetime.fromtimestamp(upstream.account("first")["next_reset"], UTC)
        assert f"{reset:%Y-%m-%d %H:%M} UTC" in message
        assert answer.headers["x-should-retry"] == "false"
        assert "retry-after" not in answer.headers
    assert len(upstream.requests("GenerateAssistantResponse")) == 3


@pytest.mark.parametrize("throttle", ["user_rate", "credit_rate"])
def test_all_cooling_down_is_a_429_with_a_short_wait(
    gateway: Gateway, upstream: Control, throttle: str
):
    for name in NAMES:
        upstream.update_account(name, throttle=throttle)
    answer = ask(gateway, STREAMED)
    assert anthropic_error(answer, 429, "rate_limit_error")
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    assert answer.headers.get("x-should-retry") != "false"


def test_the_account_that_heals_first_decides(gateway: Gateway, upstream: Control):
    upstream.update_account("first", **OUT_OF_CREDITS)
    upstream.update_account("second", state="suspended")
    upstream.update_account("third", throttle="user_rate")
    answer = ask(gateway)
    assert anthropic_error(answer, 429, "rate_limit_error")
    assert 1 <= int(answer.headers["retry-after"]) <= 30


@pytest.mark.parametrize("fault", ["model_capacity", "model_unavailable_503"])
def test_no_capacity_for_the_model_is_a_529(
    gateway: Gateway, upstream: Control, fault: str
):
    upstream.enqueue(fault, fault)
    answer = ask(gateway, STREAMED)
    assert anthropic_error(answer, 529, "overloaded_error")
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize(
    "trouble",
    [
        {"state": "suspended"},
        {"state": "wrong_application"},
        {"refresh_fault": "invalid_grant"},
    ],
    ids=["suspended", "not permitted", "sign in again"],
)
def test_accounts_that_a_person_must_mend_are_a_503_without_retries(
    gateway: Gateway, upstream: Control, trouble: dict[str, Any]
):
    for name in NAMES:
        upstream.update_account(name, **trouble)
    assert_nobody_can_serve(ask(gateway, STREAMED))


def test_a_model_that_no_account_has_is_a_503_without_retries(
    gateway: Gateway, upstream: Control
):
    upstream.enqueue("invalid_model", "invalid_model", "invalid_model")
    assert_nobody_can_serve(ask(gateway))


def test_a_pool_with_all_accounts_off_is_a_503_without_retries(gateway: Gateway):
    gateway.sql("UPDATE accounts_account SET enabled = 0")
    assert_nobody_can_serve(ask(gateway))


def test_a_pool_without_accounts_is_a_503_without_retries(
    start_gateway: StartGateway, tmp_path: Path
):
    done = manage("prepare", env=environment(tmp_path))
    assert "no accounts yet" in done.stdout
    assert_nobody_can_serve(ask(start_gateway(tmp_path)))


def assert_nobody_can_serve(answer: httpx.Response) -> None:
    assert anthropic_error(answer, 503, "api_error")
    assert answer.headers["x-should-retry"] == "false"
    assert "retry-after" not in answer.headers


def test_a_prompt_that_is_too_long_costs_no_account_its_turn(
    gateway: Gateway, upstream: Control
):
    upstream.enqueue("input_too_long")
    message = anthropic_error(ask(gateway), 400, "invalid_request_error")
    assert message.startswith("prompt is too long: ")
    assert text_of(ask(gateway)) == "You said: Hi"
    assert served_by(upstream) == "first"


# After the first content


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
    assert served_by(upstream) == "first"
    assert text_of(ask(gateway)) == "You said: Hi"
    assert served_by(upstream) == "second"


def test_a_failure_in_the_middle_of_a_whole_answer_is_a_status(
    gateway: Gateway, upstream: Control
):
    upstream.enqueue("exception_after_text")
    assert anthropic_error(ask(gateway, BODY), 502, "api_error")


# A client that hangs up

HELD = {"steps": [{"text": "Hello"}, {"gate": "held"}, {"text": "never heard"}]}


def test_hanging_up_in_a_stream_ends_the_upstream_call_at_once(
    gateway: Gateway, upstream: Control
):
    upstream.enqueue(HELD)
    with (
        caller(gateway) as http,
        http.stream("POST", "/v1/messages", json=STREAMED) as (answer),
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
    until(lambda: last_call(upstream)["state"] != "running")
    assert last_call(upstream)["state"] == "client_gone"
    account = last_call(upstream)["account"]
    assert text_of(ask(gateway)) == "You said: Hi"
    assert last_call(upstream)["account"] == account  # nobody is to blame
