"""Limits of keys, over running processes and on every dialect."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from simulator.control import Control
from tests.calls import BODY, Json, anthropic_error, ask, openai_error, user
from tests.conftest import IMPORTED, StartGateway
from tests.processes import (
    SECONDS,
    Gateway,
    environment,
    manage,
    running_gateway,
    until,
    upstream_settings,
)

MODEL = "claude-sonnet-4-20250514"
CALLS: dict[str, tuple[str, Json]] = {
    "anthropic": ("/v1/messages", BODY),
    "openai": (
        "/v1/chat/completions",
        {"model": MODEL, "max_tokens": 100, "messages": user("Hi")},
    ),
    "responses": (
        "/v1/responses",
        {"model": MODEL, "max_output_tokens": 100, "input": "Hi", "store": False},
    ),
}
AT_ONCE = 200
AFFORDED = 50


def make_keys(env: dict[str, str], **keys: Json) -> dict[str, str]:
    """Keys by name, each with its limits."""
    code = (
        "import json, sys; from clients.models import ApiKey\n"
        f"for name, limits in json.loads({json.dumps(keys)!r}).items():\n"
        "    row = ApiKey(name=name, **limits); print(name, row.make_key()); row.save()"
    )
    done = manage("shell", "-v0", "-c", code, env=env)
    assert done.returncode == 0, done.stderr
    return dict(line.split() for line in done.stdout.splitlines())


def call(gateway: Gateway, key: str, dialect: str, **more: Any) -> httpx.Response:
    path, body = CALLS[dialect]
    with httpx.Client(trust_env=False, timeout=SECONDS) as http:
        return http.post(
            f"{gateway.url}{path}", json=body | more, headers={"x-api-key": key}
        )


def told(answer: httpx.Response, status: int) -> tuple[str, str | None]:
    """The kind of an error and its message's first word, in each dialect's shape."""
    if "error" in answer.json() and "type" in answer.json():
        kinds = {403: "permission_error", 429: "rate_limit_error", 503: "api_error"}
        return anthropic_error(answer, status, kinds[status]), None
    error = openai_error(answer, status)
    return error["message"], error["code"]


# Each limit's error in each dialect


LIMITS: dict[str, Json] = {
    "quota": {"credits_per_day": "0.0000000001"},
    "tokens": {"tokens_per_month": 1},
    "rate": {"requests_per_minute": 1},
    "models": {"allowed_models": ["claude-haiku-4-5"]},
    "named": {"allowed_models": [MODEL.upper()]},
    "found": {"allowed_models": ["CLAUDE_SONNET_4_20250514_V1_0"]},
    "busy": {"max_concurrent": 1},
    "both": {"max_concurrent": 1, "requests_per_minute": 1000},
}


@pytest.fixture(scope="module")
def keys(serving: Gateway) -> dict[str, str]:
    return make_keys(serving.env, **LIMITS)


@pytest.fixture(params=CALLS)
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(
    ("key", "words"), [("quota", "credits per day"), ("tokens", "tokens per month")]
)
def test_a_quota_that_is_used_up(gateway, keys, upstream, dialect, key, words):
    asked = upstream.calls()
    answer = call(gateway, keys[key], dialect)
    message, code = told(answer, 429)
    assert f"this API key has used up its {words}" in message
    assert "UTC" in message
    assert code in (None, "insufficient_quota")
    assert answer.headers["x-should-retry"] == "false"
    assert "retry-after" not in answer.headers
    assert upstream.calls() == asked


def test_too_many_requests_in_a_minute(gateway, keys, dialect):
    # Three cannot be in three different minutes.
    answers = [call(gateway, keys["rate"], dialect) for _ in range(3)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    message, code = told(refused[0], 429)
    assert "this API key may not make more requests in this minute" in message
    assert code in (None, "rate_limit_exceeded")
    assert 1 <= int(refused[0].headers["retry-after"]) <= 30
    assert "x-should-retry" not in refused[0].headers


def test_a_model_that_the_key_may_not_use(gateway, keys, dialect):
    answer = call(gateway, keys["models"], dialect)
    message, code = told(answer, 403)
    assert f"this API key may not use the model {MODEL}" in message
    assert code in (None, "model_not_found")


@pytest.mark.parametrize("key", ["named", "found"])
def test_a_model_that_it_may_use_by_any_of_its_names(gateway, keys, dialect, key):
    assert call(gateway, keys[key], dialect).status_code == 200


def test_counting_tokens_and_listing_models_cost_nothing(gateway, keys):
    headers = {"x-api-key": keys["quota"]}
    with httpx.Client(base_url=gateway.url, headers=headers, trust_env=False) as http:
        body = {"model": MODEL, "messages": user("Hi")}
        counted = http.post("/v1/messages/count_tokens", json=body)
        assert counted.status_code == http.get("/v1/models").status_code == 200


def test_too_many_at_once_wait_and_are_then_refused(
    start_gateway: StartGateway, upstream: Control, dialect: str
):
    gateway = start_gateway(CLIENT_QUEUE_SECONDS="0.3")
    key = make_keys(gateway.env, busy=LIMITS["busy"])["busy"]
    upstream.enqueue({"steps": [{"gate": "held"}, {"text": "Hi"}]})
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(call, gateway, key, dialect)
        upstream.wait_for_gate("held")
        answer = call(gateway, key, dialect)
        upstream.open_gate("held")
        assert first.result().status_code == 200
    message, _ = told(answer, 429)
    assert "this API key has as many requests under way as it may" in message
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    assert call(gateway, key, dialect).status_code == 200


def test_a_killed_process_leaks_no_reservation(
    start_gateway: StartGateway, upstream: Control
):
    with ExitStack() as stack:
        killed = start_gateway(CLIENT_QUEUE_SECONDS="0")
        key = make_keys(killed.env, busy=LIMITS["busy"])["busy"]
        upstream.enqueue({"steps": [{"gate": "never"}, {"text": "Hi"}]})
        pool = stack.enter_context(ThreadPoolExecutor(1))
        held = pool.submit(call, killed, key, "anthropic")
        upstream.wait_for_gate("never")
        killed.stop(signal.SIGKILL)
        assert isinstance(held.exception(), httpx.TransportError)
        upstream.open_gate("never")
    gateway = start_gateway(killed.data, CLIENT_QUEUE_SECONDS="0")
    anthropic_error(call(gateway, key, "anthropic"), 429, "rate_limit_error")
    gateway.sql("UPDATE clients_reservation SET until = '2020-01-01 00:00:00'")
    assert call(gateway, key, "anthropic").status_code == 200


# Several processes on one Postgres


@pytest.fixture
def env(database: str, upstream: Control, tmp_path: Path) -> dict[str, str]:
    made = manage("new_keys", env=environment(tmp_path, DATABASE_URL=database))
    secrets = dict(line.split("=", 1) for line in made.stdout.splitlines())
    settings = environment(
        tmp_path,
        DATABASE_URL=database,
        KIRO_AUTH_TOKEN=json.dumps(IMPORTED),
        CLIENT_QUEUE_SECONDS="120",
        **secrets,
        **upstream_settings(upstream.url),
    )
    done = manage("prepare", env=settings)
    assert done.returncode == 0, done.stderr
    return settings


@pytest.fixture
def three(env: dict[str, str]) -> Iterator[list[Gateway]]:
    with ExitStack() as stack:
        yield [stack.enter_context(running_gateway(env)) for _ in range(3)]


def rows(database: str, query: str) -> list[Any]:
    with psycopg.connect(database, autocommit=True) as connection:
        return connection.execute(query).fetchall()


def metered(upstream: Control) -> Decimal:
    """To the last digit of each event."""
    calls = upstream.requests("GenerateAssistantResponse")
    return sum(
        (Decimal(str(credits)) for one in calls for credits in one["credits"]),
        Decimal(0),
    )


@pytest.mark.load
def test_exactly_as_many_are_served_as_a_key_has_credits_for(
    three: list[Gateway], env: dict[str, str], upstream: Control, database: str
):
    assert ask(three[0]).status_code == 200
    price = metered(upstream)
    quota = str(price * AFFORDED + price / 2)
    made = make_keys(env, **{name: {"credits_per_day": quota} for name in CALLS})
    for dialect in CALLS:
        statuses = asyncio.run(all_at_once(three, made[dialect], dialect))
        assert Counter(statuses) == {200: AFFORDED, 429: AT_ONCE - AFFORDED}
    for gateway in three:
        assert gateway.stop() == 0
    spent = "SELECT key_name, sum(credits), count(*) FROM clients_usagerecord"
    assert sorted(rows(database, f"{spent} WHERE status = 200 GROUP BY key_name")) == [
        *((dialect, price * AFFORDED, AFFORDED) for dialect in CALLS),
        ("shared", price, 1),
    ]
    assert rows(database, "SELECT sum(credits), count(*) FROM clients_usagerecord") == [
        (metered(upstream), len(CALLS) * AT_ONCE + 1)
    ]
    used = "SELECT DISTINCT credits, requests FROM clients_keyuse"
    assert rows(database, used) == [(price * AFFORDED, AFFORDED)]
    assert rows(database, "SELECT count(*) FROM clients_reservation") == [(0,)]


async def all_at_once(gateways: list[Gateway], key: str, dialect: str) -> list[int]:
    path, body = CALLS[dialect]
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(
        trust_env=False, timeout=4 * SECONDS, limits=limits
    ) as http:

        async def one(number: int) -> int:
            answer = await http.post(
                f"{gateways[number % 3].url}{path}",
                json=body | {"stream": number % 2 == 0},
                headers={"x-api-key": key},
            )
            return answer.status_code

        return await asyncio.gather(*(one(number) for number in range(AT_ONCE)))


def test_a_slow_database_holds_up_no_stream(
    env: dict[str, str], upstream: Control, database: str
):
    key = make_keys(env, busy=LIMITS["both"])["busy"]
    upstream.enqueue({"steps": [{"text": "Hi"}, {"gate": "slow"}, {"text": "Ho"}]})
    with running_gateway(env) as gateway, ThreadPoolExecutor(1) as pool:
        reply = pool.submit(call, gateway, key, "anthropic", stream=True)
        upstream.wait_for_gate("slow")
        with psycopg.connect(database) as connection:
            connection.execute(
                "LOCK TABLE clients_usagerecord, clients_keyuse, clients_reservation, "
                "clients_apikey, clients_modelcost"
            )
            upstream.open_gate("slow")
            assert "message_stop" in reply.result(SECONDS).text
        until(lambda: rows(database, "SELECT key_name FROM clients_usagerecord") != [])
        until(lambda: rows(database, "SELECT 1 FROM clients_reservation") == [])
