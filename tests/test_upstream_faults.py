"""Every fault of docs/upstream-faults.md from outside: what the client hears, which
accounts were asked, how the first one stands afterwards, and what heals it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from simulator.control import Control
from simulator.faults import FAULTS
from simulator.refreshfaults import REFRESH_FAULTS
from simulator.scripts import BROKEN
from tests import faults
from tests.calls import (
    BODY,
    MODEL,
    STREAMED,
    Json,
    anthropic_error,
    ask,
    caller,
    events,
    openai_error,
    text_of,
    user,
)
from tests.conftest import ACCOUNTS, IMPORTED
from tests.faults import CHAT, RENEWALS, STREAMS, Case, StreamCase, Told, moment
from tests.onpostgres import prepared_on, run
from tests.processes import (
    Gateway,
    copy_of,
    environment,
    manage,
    running_gateway,
    until,
    upstream_settings,
)

DOCUMENT = Path(__file__).resolve().parent.parent / "docs/upstream-faults.md"
NAMES = [account["name"] for account in ACCOUNTS]
COLUMNS = (
    "blocked_reason",
    "blocked_since",
    "blocked_until",
    "requests",
    "failures",
    "last_error",
)
OPENAI: dict[str, tuple[str, Json]] = {
    "chat": ("/v1/chat/completions", {"model": MODEL, "messages": user("Hi")}),
    "responses": ("/v1/responses", {"model": MODEL, "input": "Hi", "store": False}),
}


@pytest.fixture(scope="module")
def serving(
    prepared: Path,
    simulator_running: Control,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    """Shared with no other tests, whose replies might be booked in these."""
    data = copy_of(prepared, tmp_path_factory.mktemp("faults") / "data")
    env = environment(data, **upstream_settings(simulator_running.url))
    with running_gateway(env) as gateway:
        yield gateway


@pytest.fixture
def gateway(gateway: Gateway, upstream: Control) -> Iterator[Gateway]:
    """A good reply is booked behind the client's back: it is waited for, so that it
    does not count in the next test."""
    yield gateway
    until(lambda: booked(gateway) >= metered(upstream), seconds=10)


def booked(gateway: Gateway) -> int:
    ((served,),) = gateway.sql("SELECT SUM(requests - failures) FROM accounts_account")
    return int(served)


def metered(upstream: Control) -> int:
    return sum(call["credits"] != [] for call in upstream.requests())


# The document, the cases and the simulator's faults are the same


def test_every_row_has_a_case_and_every_case_a_row():
    text = DOCUMENT.read_text(encoding="utf-8")
    written = re.findall(r"^\| (F-[A-Z0-9-]+) \|", text, re.MULTILINE)
    assert sorted(written) == sorted(faults.rows())


def test_every_fault_that_the_simulator_knows_has_a_case():
    assert sorted(case.fault for case in CHAT) == sorted(FAULTS)
    renewals = {case.fault for case in RENEWALS} | {faults.ALONE["F-LOGIN-REGION"]}
    assert renewals == set(REFRESH_FAULTS)
    assert sorted(case.script for case in STREAMS) == sorted(
        name for name, script in BROKEN.items() if tells_of_a_fault(script)
    )


def tells_of_a_fault(script: Json) -> bool:
    steps = script.get("steps", [])
    return any({"exception", "error", "event"} & step.keys() for step in steps)


# What is looked at


def asked_for_replies(upstream: Control) -> tuple[str, ...]:
    calls = upstream.requests("GenerateAssistantResponse")
    return tuple(call["account"] for call in calls)


def standing(gateway: Gateway, name: str = "first") -> dict[str, Any]:
    columns = ", ".join(COLUMNS)
    (row,) = gateway.sql(f"SELECT {columns} FROM accounts_account WHERE name='{name}'")
    return dict(zip(COLUMNS, row, strict=True))


def assert_error(answer: httpx.Response, told: Told) -> None:
    message = anthropic_error(answer, told.status, told.type)
    assert told.words in message
    assert_headers(answer, told)


def assert_headers(answer: httpx.Response, told: Told) -> None:
    wait, should_retry = (
        answer.headers.get(name) for name in ("retry-after", "x-should-retry")
    )
    match told.retry:
        case "soon":
            assert should_retry != "false"
            assert wait is not None and 1 <= int(wait) <= 30
        case "never":
            assert (wait, should_retry) == (None, "false")
        case "":
            assert (wait, should_retry) == (None, None)


def assert_told(answer: httpx.Response, told: Told | None) -> None:
    if told is None:
        assert text_of(answer) == "You said: Hi"
    else:
        assert_error(answer, told)


def assert_blocked(row: dict[str, Any], case: Case, since: datetime) -> None:
    now = datetime.now(UTC)
    assert row["blocked_reason"] == (case.blocked or "")
    if case.blocked is None:
        assert (row["blocked_since"], row["blocked_until"]) == (None, None)
        return
    assert since <= at(row["blocked_since"]) <= now
    if case.until == "a person":
        assert row["blocked_until"] is None
    else:
        earliest, latest = moment(case.until, since), moment(case.until, now)
        assert earliest <= at(row["blocked_until"]) <= latest


def at(written: str) -> datetime:
    """SQLite keeps times as texts, in UTC."""
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


# What heals it


def assert_heals(gateway: Gateway, upstream: Control, case: Case) -> None:
    """The fault itself is over by now."""
    if case.blocked is None:
        assert served_by(gateway, upstream) == "first"
        return
    assert served_by(gateway, upstream) == "second"
    if case.until == "a person":
        pass_time(gateway, "blocked_since", timedelta(days=400))
        assert served_by(gateway, upstream) == "second"
        done = manage("accounts", "unblock", "first", env=gateway.env)
        assert done.returncode == 0, done.stderr
    else:
        pass_time(gateway, "blocked_until", until_seconds(gateway))
    assert served_by(gateway, upstream) == "first"
    assert standing(gateway)["blocked_reason"] == ""


def served_by(gateway: Gateway, upstream: Control) -> str:
    """Of one more request: who serves it, and nobody else is asked."""
    before = len(asked_for_replies(upstream))
    assert text_of(ask(gateway)) == "You said: Hi"
    (account,) = asked_for_replies(upstream)[before:]
    return account


def until_seconds(gateway: Gateway) -> timedelta:
    return at(standing(gateway)["blocked_until"]) - datetime.now(UTC)


def pass_time(gateway: Gateway, column: str, passed: timedelta) -> None:
    """As if so much of it had gone since the first account was blocked."""
    then = at(standing(gateway)[column]) - passed
    gateway.sql(
        f"UPDATE accounts_account SET {column} = '{then:%Y-%m-%d %H:%M:%S.%f}'"
        " WHERE name = 'first'"
    )


# Calls for a reply


@pytest.mark.parametrize("case", CHAT, ids=str)
def test_a_fault_of_the_first_account(gateway: Gateway, upstream: Control, case: Case):
    upstream.update_account("first", throttle=case.fault)
    since = datetime.now(UTC)
    assert_told(ask(gateway, STREAMED), case.told)
    assert asked_for_replies(upstream) == case.asked
    row = standing(gateway)
    assert_blocked(row, case, since)
    assert (row["requests"], row["failures"]) == (case.failures, case.failures)
    assert bool(row["last_error"]) == bool(case.failures)

    upstream.update_account("first", throttle=None)
    assert_heals(gateway, upstream, case)


@pytest.mark.parametrize("case", CHAT, ids=str)
def test_a_fault_of_every_account(gateway: Gateway, upstream: Control, case: Case):
    for name in NAMES:
        upstream.update_account(name, throttle=case.fault)
    since = datetime.now(UTC)
    assert_told(ask(gateway), case.told_by_all)
    assert asked_for_replies(upstream) == case.asked_by_all
    for name in set(case.asked_by_all):
        row = standing(gateway, name)
        assert_blocked(row, case, since)
        assert row["failures"] == case.failures


@pytest.mark.parametrize("dialect", OPENAI)
@pytest.mark.parametrize(
    "fault",
    ["monthly_limit", "user_rate", "suspended", "model_capacity", "prompt_too_long"]
    + ["conversation_limit", "internal", "edge_timeout"],
)
def test_a_fault_of_every_account_in_the_other_dialects(
    gateway: Gateway, upstream: Control, fault: str, dialect: str
):
    (case,) = (case for case in CHAT if case.fault == fault)
    for name in NAMES:
        upstream.update_account(name, throttle=fault)
    path, body = OPENAI[dialect]
    for more in ({}, {"stream": True}):
        with caller(gateway) as http:
            answer = http.post(path, json=body | more)
        told = case.told_by_all
        error = openai_error(answer, told.status)
        assert (error["type"], error["code"]) == (told.openai_type, told.openai_code)
        assert_headers(answer, told)


def test_a_worn_out_token_is_renewed_once_and_the_account_serves(
    gateway: Gateway, upstream: Control
):
    wear_out(gateway, upstream)
    upstream.update_account("first", throttle={"fault": "bearer_invalid", "times": 1})
    assert text_of(ask(gateway, STREAMED)) == "You said: Hi"
    assert asked_for_replies(upstream) == ("first", "first", "first")
    assert upstream.account("first")["refreshes"] == 2
    row = standing(gateway)
    assert (row["blocked_reason"], row["failures"]) == ("", 1)


def test_an_account_whose_new_token_is_refused_too_pauses(
    gateway: Gateway, upstream: Control
):
    wear_out(gateway, upstream)
    upstream.update_account("first", throttle="bearer_invalid")
    assert text_of(ask(gateway, STREAMED)) == "You said: Hi"
    assert asked_for_replies(upstream) == ("first", "first", "first", "second")
    assert upstream.account("first")["refreshes"] == 2
    row = standing(gateway)
    assert (row["blocked_reason"], row["failures"]) == ("token", 2)


def wear_out(gateway: Gateway, upstream: Control) -> None:
    """The first account's token: it was good, some time ago."""
    assert served_by(gateway, upstream) == "first"
    gateway.sql("UPDATE accounts_account SET refreshed_at = datetime('now', '-1 hour')")


@pytest.mark.parametrize(
    ("fault", "asked_to_wait", "blocked"),
    [("user_rate", 45, 45), ("suspicious_activity", 45, 45), ("user_rate", 7200, 900)],
)
def test_a_throttled_account_pauses_for_as_long_as_it_is_told_within_bounds(
    gateway: Gateway, upstream: Control, fault: str, asked_to_wait: int, blocked: int
):
    throttle = {"fault": fault, "retry_ms": asked_to_wait * 1000}
    upstream.update_account("first", throttle=throttle)
    (case,) = (case for case in CHAT if case.fault == fault)
    since = datetime.now(UTC)
    assert text_of(ask(gateway)) == "You said: Hi"
    assert_blocked(standing(gateway), replace(case, until=blocked), since)


def test_credits_come_back_on_the_date_that_the_account_knows(
    gateway: Gateway, upstream: Control
):
    gateway.sql(
        "UPDATE accounts_account SET resets_at = datetime('now', '+3 days')"
        " WHERE name = 'first'"
    )
    upstream.update_account("first", throttle="monthly_limit")
    (case,) = (case for case in CHAT if case.fault == "monthly_limit")
    since = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=2)
    assert text_of(ask(gateway)) == "You said: Hi"
    left = at(standing(gateway)["blocked_until"]) - since
    assert timedelta(days=3) <= left <= timedelta(days=3, seconds=60)
    upstream.update_account("first", throttle=None)
    assert_heals(gateway, upstream, case)


def test_a_profile_that_is_demanded_is_asked_for_and_sent(
    gateway: Gateway, upstream: Control
):
    """It was not found when the account signed in."""
    gateway.sql("UPDATE accounts_account SET enabled = (name = 'third')")
    assert served_by(gateway, upstream) == "third"
    gateway.sql("UPDATE accounts_account SET profile_arn = ''")
    upstream.update_account("third", requires_profile_arn=True)
    assert text_of(ask(gateway, STREAMED)) == "You said: Hi"
    without, given = upstream.requests("GenerateAssistantResponse")[1:]
    assert "profileArn" not in without["body"]
    assert given["body"]["profileArn"] == upstream.account("third")["profile_arn"]
    assert standing(gateway, "third")["blocked_reason"] == ""


def test_thinking_that_is_not_accepted_is_left_out_once(
    gateway: Gateway, upstream: Control
):
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "made up"}
    said = {"role": "assistant", "content": [thinking, {"type": "text", "text": "Yes"}]}
    body = BODY | {"messages": [*user("Hello"), said, *user("Hi")]}
    upstream.update_account(
        "first", throttle={"fault": "signature_invalid", "times": 1}
    )
    assert text_of(ask(gateway, body)) == "You said: Hi"
    assert asked_for_replies(upstream) == ("first", "first")
    upstream.update_account("first", throttle="signature_invalid")
    assert anthropic_error(ask(gateway, body), 400, "invalid_request_error")
    assert asked_for_replies(upstream)[2:] == ("first", "first")


@pytest.mark.parametrize(
    "case", [case for case in CHAT if case.told is faults.OVERLOADED], ids=str
)
def test_a_model_without_capacity_is_tried_once_more(
    gateway: Gateway, upstream: Control, case: Case
):
    upstream.update_account("first", throttle={"fault": case.fault, "times": 1})
    assert text_of(ask(gateway)) == "You said: Hi"
    assert asked_for_replies(upstream) == ("first", "first")


# Renewing a token


@pytest.mark.parametrize("case", RENEWALS, ids=str)
def test_a_renewal_of_the_first_account_that_fails(
    gateway: Gateway, upstream: Control, case: Case
):
    upstream.update_account("first", refresh_fault=case.fault)
    since = datetime.now(UTC)
    assert_told(ask(gateway, STREAMED), case.told)
    assert asked_for_replies(upstream) == case.asked
    assert upstream.account("first")["refresh_attempts"] == case.attempts
    row = standing(gateway)
    assert_blocked(row, case, since)
    assert (row["requests"], row["failures"]) == (case.failures, case.failures)
    assert row["last_error"]

    upstream.update_account("first", refresh_fault=None)
    assert_heals(gateway, upstream, case)


@pytest.mark.parametrize("case", RENEWALS, ids=str)
def test_a_renewal_of_every_account_that_fails(
    gateway: Gateway, upstream: Control, case: Case
):
    """Both sign-in services: the third account is an IdC one."""
    for name in NAMES:
        upstream.update_account(name, refresh_fault=case.fault)
    since = datetime.now(UTC)
    assert_told(ask(gateway), case.told_by_all)
    assert asked_for_replies(upstream) == case.asked_by_all
    for name in NAMES:
        assert_blocked(standing(gateway, name), case, since)


@pytest.mark.parametrize(
    "fault", [case.fault for case in RENEWALS if case.until != "a person"]
)
def test_without_the_sign_in_service_valid_tokens_go_on_being_used(
    gateway: Gateway, upstream: Control, fault: str
):
    assert served_by(gateway, upstream) == "first"
    for name in NAMES:
        upstream.update_account(name, refresh_fault=fault)
    assert served_by(gateway, upstream) == "first"
    assert upstream.account("first")["refresh_attempts"] == 1
    # In the last minute of its life a new one is asked for, to no avail.
    expires(gateway, "+30 seconds")
    assert served_by(gateway, upstream) == "first"
    assert upstream.account("first")["refresh_attempts"] > 1
    assert standing(gateway)["blocked_reason"] == ""

    expires(gateway, "-1 seconds")
    assert_error(ask(gateway), faults.PAUSING)
    for name in NAMES:
        upstream.update_account(name, refresh_fault=None)
    gateway.sql(
        "UPDATE accounts_account SET blocked_until = datetime('now', '-1 hour')"
    )
    assert served_by(gateway, upstream) == "first"


def test_a_login_of_another_region_pauses_long_and_the_region_is_named(
    gateway: Gateway, upstream: Control
):
    """Only identity centres have regions: the third account's."""
    gateway.sql("UPDATE accounts_account SET enabled = (name = 'third')")
    upstream.update_account("third", refresh_fault=faults.ALONE["F-LOGIN-REGION"])
    (case,) = (case for case in RENEWALS if case.fault == "server_error")
    since = datetime.now(UTC)
    assert_error(ask(gateway), faults.PAUSING)
    row = standing(gateway, "third")
    assert_blocked(row, replace(case, until=900), since)
    assert row["last_error"].endswith("in another region: eu-central-1")


def expires(gateway: Gateway, when: str) -> None:
    gateway.sql(
        f"UPDATE accounts_account SET access_expires_at = datetime('now', '{when}')"
        " WHERE name = 'first'"
    )


# Inside a reply


@pytest.mark.parametrize("case", STREAMS, ids=str)
def test_an_exception_in_a_reply_that_is_not_streamed(
    gateway: Gateway, upstream: Control, case: StreamCase
):
    upstream.enqueue(case.script, account="first")
    answer = ask(gateway)
    if case.told:
        assert_error(answer, case.told)
    else:
        text_of(answer)
        assert answer.json()["stop_reason"] == case.stop_reason
    assert_after_exception(gateway, upstream, case)


@pytest.mark.parametrize("case", STREAMS, ids=str)
def test_an_exception_in_a_reply_that_is_streamed(
    gateway: Gateway, upstream: Control, case: StreamCase
):
    upstream.enqueue(case.script, account="first")
    answer = ask(gateway, STREAMED)
    if case.told and case.after_text:
        assert answer.status_code == 200
        *said, last = events(answer.text)
        assert "text_delta" in [event.get("delta", {}).get("type") for event in said]
        assert "message_stop" not in [event["type"] for event in said]
        assert (last["type"], last["error"]["type"]) == ("error", case.told.type)
        assert case.told.words in last["error"]["message"]
    elif case.told:
        assert_error(answer, case.told)
    else:
        text_of(answer)
        (reason,) = [
            event["delta"]["stop_reason"]
            for event in events(answer.text)
            if event["type"] == "message_delta"
        ]
        assert reason == case.stop_reason
    assert_after_exception(gateway, upstream, case)


def assert_after_exception(
    gateway: Gateway, upstream: Control, case: StreamCase
) -> None:
    assert asked_for_replies(upstream) == case.asked
    row = standing(gateway)
    assert row["failures"] == case.failures
    assert row["blocked_reason"] == (case.blocked or "")
    if case.blocked:
        assert served_by(gateway, upstream) == "second"
        pass_time(gateway, "blocked_until", until_seconds(gateway))
    assert served_by(gateway, upstream) == "first"
    if case.stop_reason == "max_tokens":  # served, though upstream metered nothing
        until(lambda: booked(gateway) == metered(upstream) + 1, seconds=10)


# Our own database


def test_without_the_database_every_dialect_says_so_and_it_recovers_by_itself(
    database: str, postgres: str, upstream: Control, tmp_path: Path
):
    env = prepared_on(database, tmp_path, upstream.url, IMPORTED)
    name = urlsplit(database).path.removeprefix("/")
    with running_gateway(env) as gateway:
        run(database, "UPDATE accounts_account SET usage_asked_at = now()")
        assert text_of(ask(gateway)) == "You said: Hi"
        run(
            postgres,
            f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{name}'",
        )
        asked = upstream.calls()
        bodies = [("/v1/messages", BODY), ("/v1/messages", STREAMED), *OPENAI.values()]
        # At once, as each waits some seconds for a connection.
        with caller(gateway) as http, ThreadPoolExecutor(len(bodies)) as pool:
            answers = pool.map(lambda call: http.post(call[0], json=call[1]), bodies)
            whole, streamed, *openai = answers
        assert anthropic_error(whole, 503, "api_error")
        assert anthropic_error(streamed, 503, "api_error")
        for answer in openai:
            error = openai_error(answer, 503)
            assert (error["type"], error["code"]) == ("server_error", None)
        assert upstream.calls() == asked
        run(postgres, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        until(lambda: ask(gateway).status_code == 200)


def test_a_profile_that_was_guessed_while_the_service_refused_is_asked_for_again(
    gateway: Gateway, upstream: Control
):
    gateway.sql("UPDATE accounts_account SET enabled = (name = 'third')")
    upstream.update_account("third", state="unauthorized")
    assert_error(ask(gateway), faults.NOBODY)
    upstream.update_account("third", state="ok")
    done = manage("accounts", "unblock", "third", env=gateway.env)
    assert done.returncode == 0, done.stderr
    assert served_by(gateway, upstream) == "third"
    assert standing(gateway, "third")["blocked_reason"] == ""
