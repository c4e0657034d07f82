"""Accounts that take only so many requests at once, or a minute."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from simulator.control import Control
from tests.calls import (
    BODY,
    MODEL,
    STREAMED,
    anthropic_error,
    ask,
    caller,
    openai_error,
    text_of,
    user,
)
from tests.conftest import IMPORTED, StartGateway
from tests.processes import (
    SECONDS,
    Gateway,
    environment,
    manage,
    running_gateway,
    upstream_settings,
)

HELD = {"steps": [{"text": "Hello"}, {"gate": "held"}, {"text": ", world!"}]}
ONE_AT_ONCE = "UPDATE accounts_account SET max_concurrent = 1"
ONLY_THE_FIRST = "UPDATE accounts_account SET enabled = (name = 'first')"


def slots_taken(gateway: Gateway) -> int:
    taken = "SELECT count(*) FROM accounts_slot WHERE NOT released"
    return int(gateway.sql(taken)[0][0])


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def impatient(start_gateway: StartGateway) -> Gateway:
    """Its only account takes one request at once, and nobody waits for it."""
    gateway = start_gateway(POOL_QUEUE_SECONDS="0")
    gateway.sql(ONE_AT_ONCE, ONLY_THE_FIRST)
    return gateway


def test_what_is_too_much_for_one_account_goes_to_the_next(
    start_gateway: StartGateway, upstream: Control
):
    gateway = start_gateway()
    gateway.sql(ONE_AT_ONCE)
    upstream.enqueue(HELD, HELD, HELD)
    with ThreadPoolExecutor() as threads:
        answers = [threads.submit(ask, gateway, STREAMED) for _ in range(3)]
        upstream.wait_for_gate("held", 3)
        upstream.open_gate("held")
        assert {text_of(answer.result()) for answer in answers} == {"Hello, world!"}
    served = {
        call["account"] for call in upstream.requests("GenerateAssistantResponse")
    }
    assert served == {"first", "second", "third"}


def test_requests_wait_for_room_and_are_served(
    start_gateway: StartGateway, upstream: Control
):
    gateway = start_gateway()
    gateway.sql(ONE_AT_ONCE, ONLY_THE_FIRST)
    upstream.enqueue(HELD)
    with ThreadPoolExecutor() as threads:
        held = threads.submit(ask, gateway, STREAMED)
        upstream.wait_for_gate("held")
        waiting = [threads.submit(ask, gateway, BODY) for _ in range(4)]
        assert upstream.calls("GenerateAssistantResponse") == 1
        upstream.open_gate("held")
        assert text_of(held.result()) == "Hello, world!"
        for answer in waiting:
            assert text_of(answer.result()) == "You said: Hi"
    wait_until(lambda: slots_taken(gateway) == 0)


def test_a_full_pool_is_a_429_with_a_short_wait_in_every_dialect(
    impatient: Gateway, upstream: Control
):
    upstream.enqueue(HELD)
    with ThreadPoolExecutor() as threads, caller(impatient) as http:
        held = threads.submit(ask, impatient, STREAMED)
        upstream.wait_for_gate("held")
        refused: list[httpx.Response] = [
            ask(impatient, body) for body in (BODY, STREAMED)
        ]
        for answer in refused:
            message = anthropic_error(answer, 429, "rate_limit_error")
            assert "at its limit" in message
        chat = {"model": MODEL, "messages": user("Hi")}
        refused.append(http.post("/v1/chat/completions", json=chat))
        refused.append(http.post("/v1/responses", json={"model": MODEL, "input": "Hi"}))
        for answer in refused[2:]:
            assert "at its limit" in openai_error(answer, 429)["message"]
        for answer in refused:
            assert 1 <= int(answer.headers["retry-after"]) <= 30
            assert answer.headers.get("x-should-retry") != "false"
        upstream.open_gate("held")
        assert text_of(held.result()) == "Hello, world!"
    wait_until(lambda: slots_taken(impatient) == 0)
    assert text_of(ask(impatient)) == "You said: Hi"


@pytest.mark.parametrize("fault", ["improperly_formed", "internal", "bearer_invalid"])
def test_a_call_that_fails_gives_its_place_back(
    impatient: Gateway, upstream: Control, fault: str
):
    upstream.enqueue(*[fault] * 3)
    ask(impatient)
    assert slots_taken(impatient) == 0


def test_a_client_that_hangs_up_gives_its_place_back(
    impatient: Gateway, upstream: Control
):
    upstream.enqueue(HELD)
    with (
        caller(impatient) as http,
        http.stream("POST", "/v1/messages", json=STREAMED) as answer,
    ):
        assert answer.status_code == 200
        upstream.wait_for_gate("held")
        assert slots_taken(impatient) == 1
    wait_until(lambda: slots_taken(impatient) == 0)


def test_a_client_that_hangs_up_while_it_waits_takes_no_place(
    start_gateway: StartGateway, upstream: Control
):
    gateway = start_gateway()
    gateway.sql(ONE_AT_ONCE, ONLY_THE_FIRST)
    upstream.enqueue(HELD)
    with ThreadPoolExecutor() as threads:
        held = threads.submit(ask, gateway, STREAMED)
        upstream.wait_for_gate("held")
        with caller(gateway) as http, pytest.raises(httpx.ReadTimeout):
            http.post("/v1/messages", json=BODY, timeout=1.0)
        upstream.open_gate("held")
        assert text_of(held.result()) == "Hello, world!"
    assert text_of(ask(gateway)) == "You said: Hi"
    assert upstream.calls("GenerateAssistantResponse") == 2
    wait_until(lambda: slots_taken(gateway) == 0)


@pytest.fixture
def two(database: str, upstream: Control, tmp_path: Path) -> Iterator[list[Gateway]]:
    """Two processes on one Postgres; each account takes five requests a minute."""
    made = manage("new_keys", env=environment(tmp_path, DATABASE_URL=database))
    env = environment(
        tmp_path,
        DATABASE_URL=database,
        KIRO_AUTH_TOKEN=json.dumps(IMPORTED),
        POOL_QUEUE_SECONDS="0",
        **dict(line.split("=", 1) for line in made.stdout.splitlines()),
        **upstream_settings(upstream.url),
    )
    limit = "Account.objects.update(requests_per_minute=5)"
    for command in (
        ("prepare",),
        ("shell", "-c", f"from accounts.models import Account; {limit}"),
    ):
        done = manage(*command, env=env)
        assert done.returncode == 0, done.stderr
    with running_gateway(env) as one, running_gateway(env) as other:
        yield [one, other]


def test_limits_hold_over_all_processes(two: list[Gateway], upstream: Control):
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(ask, two * 20))
    assert Counter(answer.status_code for answer in answers) == {200: 15, 429: 25}
    calls = upstream.requests("GenerateAssistantResponse")
    served = Counter(call["account"] for call in calls)
    assert served == {"first": 5, "second": 5, "third": 5}
