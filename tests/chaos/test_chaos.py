"""Three processes, ten accounts that fail in turn, and one process that is killed."""

from __future__ import annotations

import json
import os
import secrets
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from simulator.captures import MOST_CALLS
from simulator.control import Control
from tests.calls import Json
from tests.chaos.load import Asked, Load
from tests.chaos.weather import TROUBLES, Weather
from tests.onpostgres import prepared_on, run
from tests.processes import Gateway, manage, running_gateway, until

LOAD_SECONDS = 60.0
PROCESSES = 3
# We renew them in their last minute: after five seconds, and not all at once.
TOKEN_SECONDS = [65 + 2 * number for number in range(10)]
DOOMED = "account-5"
# What a process had in mind when it was killed: replies are booked behind the answer.
BOOKING_SECONDS = 2.0
# A call that fails on its way, as when a kept connection is just being closed, is a
# failure on the row of which upstream knows nothing.
NEVER_ARRIVED_MOST = 2


def described(number: int) -> Json:
    """Two Social accounts, then an IdC one, and so on."""
    idc = number % 3 == 2
    name = f"account-{number}"
    account: Json = {
        "name": name,
        "kind": "idc" if idc else "social",
        "refresh_token": f"aor{name}" + str(number) * 100,
        "token_seconds": TOKEN_SECONDS[number],
        "refresh_seconds": 0.2,
        "pace": 0.03,
    }
    if idc:
        account |= {"client_id": f"{name}-client", "client_secret": f"{name}-secret"}
    return account


ACCOUNTS = [described(number) for number in range(10)]
IMPORTED = [
    {
        "auth": "IdC" if account["kind"] == "idc" else "Social",
        "description": account["name"],
        "refreshToken": account["refresh_token"],
        "clientId": account.get("client_id", ""),
        "clientSecret": account.get("client_secret", ""),
    }
    for account in ACCOUNTS
]


@dataclass(frozen=True, slots=True)
class Killed:
    """The process that was."""

    port: int
    at: float
    renewing: frozenset[str]
    """The accounts whose lease it had: what it got for them is lost."""


@pytest.fixture
def seed() -> int:
    """Printed when the test fails; PYTEST_CHAOS_SEED repeats it."""
    seed = int(os.environ.get("PYTEST_CHAOS_SEED") or secrets.randbelow(1_000_000))
    print(f"PYTEST_CHAOS_SEED={seed}")
    return seed


@pytest.fixture
def env(database: str, simulator: Control, tmp_path: Path) -> dict[str, str]:
    """Their profiles have been found long ago."""
    simulator.set_accounts(ACCOUNTS)
    env = prepared_on(database, tmp_path, simulator.url, IMPORTED)
    for account in simulator.accounts():
        arn, name = account["profile_arn"], account["name"]
        change = f"UPDATE accounts_account SET profile_arn='{arn}' WHERE name='{name}'"
        run(database, change)
    return env


@pytest.fixture
def gateways(env: dict[str, str]) -> Iterator[list[Gateway]]:
    with ExitStack() as started:
        yield [started.enter_context(running_gateway(env)) for _ in range(PROCESSES)]


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@pytest.mark.load
def test_a_pool_in_all_weathers(
    gateways: list[Gateway],
    simulator: Control,
    database: str,
    connection: psycopg.Connection[Any],
    seed: int,
):
    load = Load(seed)
    names = [account["name"] for account in ACCOUNTS if account["name"] != DOOMED]
    with psycopg.connect(database, autocommit=True) as own:
        weather = Weather(simulator, own, names, Random(seed))
        deadline = time.monotonic() + LOAD_SECONDS
        load.start(*gateways)
        with ThreadPoolExecutor(1) as pool:
            blowing = pool.submit(weather.blow, load)
            try:
                choose(connection, "sequential")
                until(lambda: time.monotonic() > deadline - LOAD_SECONDS * 0.7)
                choose(connection, "round_robin")
                until(lambda: time.monotonic() > deadline - LOAD_SECONDS * 0.5)
                killed = kill_in_a_rotation(
                    load, weather, gateways, simulator, connection
                )
                gateways[0].start()
                load.ask(*gateways)
                choose(connection, "least_used")
                until(lambda: time.monotonic() > deadline)
            finally:
                weather.over.set()
                load.stop()
            blowing.result()
        for gateway in gateways:
            assert gateway.stop() == 0  # what was not booked yet is
        weather.clear_up()
    told(load, weather)

    in_trouble = [asked for asked in load.finished if asked.trouble]
    assert [asked for asked in in_trouble if not lost(asked, killed)] == []
    assert weather.unexplained == []
    rejected = renewed_one_by_one(simulator, killed)
    assert_counters(simulator, connection, load, killed)
    done = manage("accounts", "list", "--json", env=gateways[0].env)
    standing = {row["name"]: row["status"] for row in json.loads(done.stdout)}
    assert {name for name, status in standing.items() if status != "ready"} == rejected


def choose(connection: psycopg.Connection[Any], strategy: str) -> None:
    connection.execute("UPDATE accounts_poolsettings SET strategy = %s", [strategy])


def kill_in_a_rotation(
    load: Load,
    weather: Weather,
    gateways: list[Gateway],
    simulator: Control,
    connection: psycopg.Connection[Any],
) -> Killed:
    """The first process dies while the answer with the new refresh token of an
    account is on its way to it."""
    first, *others = gateways
    load.ask(first)  # so that nobody else renews it
    load.wait_for_others()
    simulator.update_account(DOOMED, refresh_gate="on its way")
    connection.execute(
        "UPDATE accounts_account SET access_expires_at = now() WHERE name = %s",
        [DOOMED],
    )
    simulator.wait_for_gate("on its way", timeout=30)
    load.ask()
    at = time.monotonic()
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    rows = connection.execute(
        "SELECT name, lease_until > now() FROM accounts_account WHERE lease_owner <> ''"
    ).fetchall()
    leases = dict(rows)
    assert leases[DOOMED]
    print(f"killed while renewing {sorted(leases)}")
    weather.leave(leases)
    simulator.update_account(DOOMED, refresh_gate=None)
    load.ask(*others)

    # Its leases outlive it: until they are over nobody else renews, and others serve.
    attempts = simulator.account(DOOMED)["refresh_attempts"]
    load.wait_for_more(5)
    assert simulator.account(DOOMED)["refresh_attempts"] == attempts
    connection.execute(
        "UPDATE accounts_account SET lease_until = now() WHERE name = ANY(%s)",
        [list(leases)],
    )
    rejected = "SELECT 1 FROM accounts_account WHERE name = %s AND blocked_reason = %s"
    until(lambda: connection.execute(rejected, [DOOMED, "rejected"]).rowcount == 1)
    return Killed(first.port, at, frozenset(leases))


def lost(asked: Asked, killed: Killed) -> bool:
    """It was on a connection of the killed process."""
    to_it = asked.port == killed.port and asked.begun <= killed.at <= asked.ended
    return asked.broke and to_it


def told(load: Load, weather: Weather) -> None:
    """For whoever looks at a failure, or at `-s`."""
    kinds = Counter(kind for _, kind in weather.befallen)
    slowest = max(asked.ended - asked.begun for asked in load.finished)
    print(f"{len(load.finished)} requests, the slowest {slowest:.1f} s; {dict(kinds)}")
    assert kinds.keys() == TROUBLES.keys(), "more time, or fewer kinds of trouble"


def renewed_one_by_one(simulator: Control, killed: Killed) -> set[str]:
    """The accounts whose rotation died with the process: their next renewal used a
    refresh token for the second time, in vain. Nobody else's did."""
    calls: dict[str, list[Json]] = {}
    for operation in ("RefreshSocial", "CreateToken"):
        for call in simulator.requests(operation):
            calls.setdefault(call["account"], []).append(call)
    rejected = set()
    for name, renewals in calls.items():
        for one, other in pairwise(renewals):
            assert one["ended"] <= other["started"], (name, one, other)
        rotated = [
            call["body"]["refreshToken"]
            for call in renewals
            if call["status"] == 200 or call["state"] == "client_gone"
        ]
        assert len(set(rotated)) == len(rotated), name
        last = renewals[-1]
        if last["status"] != 200 and last["body"]["refreshToken"] in rotated:
            rejected.add(name)
    assert {DOOMED} <= rejected <= killed.renewing
    return rejected


def assert_counters(
    simulator: Control,
    connection: psycopg.Connection[Any],
    load: Load,
    killed: Killed,
) -> None:
    """Every call that upstream saw is on the accounts' rows, as served or as failed,
    but for what the killed process had not booked; which is listed."""
    calls = simulator.requests()
    assert len(calls) == sum(simulator.state()["calls"].values()) < MOST_CALLS
    rows = connection.execute(
        "SELECT name, requests, failures, credits_spent FROM accounts_account"
    ).fetchall()
    unbooked = []
    for name, requests, failures, credits in rows:
        own = [call for call in calls if whose(call) == name]
        metered = [call for call in own if call["credits"]]
        spent = sum(sum(call["credits"]) for call in metered)
        assert spent == pytest.approx(simulator.account(name)["credits_metered"])
        refused = sum(is_failure(call) for call in own)
        missing = len(metered) - (requests - failures), refused - failures
        assert missing[0] >= 0, name
        assert missing[1] >= -NEVER_ARRIVED_MOST, name
        if missing[0]:
            assert credits < spent, name
        else:
            assert credits == pytest.approx(spent), name
        unbooked += [name] * (missing[0] + max(missing[1], 0))
    doubtful = [
        asked.text
        for asked in load.finished
        if asked.port == killed.port
        and asked.begun <= killed.at <= asked.ended + BOOKING_SECONDS
    ]
    print(f"not booked: {unbooked}, of {doubtful}")
    assert len(unbooked) <= len(doubtful)


def whose(call: Json) -> str:
    """Tokens are shown as whose they are, even if they are no longer good."""
    return str(call["bearer"] or "").partition(" access ")[0]


def is_failure(call: Json) -> bool:
    """A question about an account counts when its token is refused: then upstream
    does not say whose it was."""
    if call["operation"] == "GenerateAssistantResponse":
        return bool(call["status"] != 200)
    return call["status"] == 403 and call["account"] is None
