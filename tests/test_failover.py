"""Accounts that fail, one after the other, and what the client hears of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.control import Control
from tests.calls import BODY, STREAMED, anthropic_error, ask, text_of
from tests.conftest import ACCOUNTS, StartGateway
from tests.processes import Gateway, environment, manage

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
