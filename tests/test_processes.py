"""Several processes on one Postgres: they share the accounts, and nothing else."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from simulator.control import Control
from tests.calls import BODY, STREAMED, Json, anthropic_error, ask, text_of
from tests.conftest import IMPORTED
from tests.processes import (
    Gateway,
    environment,
    manage,
    running_gateway,
    upstream_settings,
)

AT_ONCE = 50
REFRESH = "RefreshSocial"


@pytest.fixture
def env(database: str, upstream: Control, tmp_path: Path) -> dict[str, str]:
    """Of every process on the database; nothing is prepared yet."""
    made = manage("new_keys", env=environment(tmp_path, DATABASE_URL=database))
    keys = dict(line.split("=", 1) for line in made.stdout.splitlines())
    return environment(
        tmp_path,
        DATABASE_URL=database,
        KIRO_AUTH_TOKEN=json.dumps(IMPORTED),
        **keys,
        **upstream_settings(upstream.url),
    )


def prepare(env: dict[str, str]) -> str:
    done = manage("prepare", env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def accounts(env: dict[str, str]) -> list[Json]:
    """Every column of every account, secrets in plain text."""
    done = manage("dumpdata", "accounts.account", env=env)
    assert done.returncode == 0, done.stderr
    rows: list[Json] = json.loads(done.stdout)
    return rows


def change(env: dict[str, str], code: str) -> None:
    done = manage("shell", "-c", f"from accounts.models import *; {code}", env=env)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def two(env: dict[str, str]) -> Iterator[tuple[Gateway, Gateway]]:
    prepare(env)
    with running_gateway(env) as one, running_gateway(env) as other:
        yield one, other


def test_fifty_requests_at_once_cost_one_refresh(
    two: tuple[Gateway, Gateway], upstream: Control, database: str
):
    one_refresh_serves_everybody(two, upstream, "never had a token")

    upstream.expire_access_token("first")
    run(database, "UPDATE accounts_account SET access_expires_at = now()")
    one_refresh_serves_everybody(two, upstream, "expired")

    # This time nobody but the service knows that it is not good any more.
    upstream.expire_access_token("first")
    run(database, "UPDATE accounts_account SET refreshed_at = now() - interval '1 h'")
    one_refresh_serves_everybody(two, upstream, "taken back")

    assert upstream.account("first")["refreshes"] == 3
    assert upstream.account("second")["refreshes"] == 0


def one_refresh_serves_everybody(
    two: tuple[Gateway, Gateway], upstream: Control, gate: str
) -> None:
    """While it is held, nobody else asks for another one."""

    def one(number: int) -> str:
        return text_of(ask(two[number % 2], STREAMED if number % 3 else BODY))

    asked = upstream.calls(REFRESH)
    upstream.update_account("first", refresh_gate=gate)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(one, range(AT_ONCE))
        upstream.wait_for_gate(gate)
        with pytest.raises(TimeoutError):
            upstream.wait_for_calls(asked + 2, REFRESH, timeout=2)
        upstream.open_gate(gate)
        assert list(answers) == ["You said: Hi"] * AT_ONCE


def test_what_one_process_learns_of_an_account_the_other_knows(
    two: tuple[Gateway, Gateway], upstream: Control
):
    upstream.update_account("first", credits_used=1000.0)
    assert text_of(ask(two[0])) == "You said: Hi"
    asked = len(upstream.requests(account="first"))
    assert text_of(ask(two[1])) == "You said: Hi"
    assert len(upstream.requests(account="first")) == asked
    assert upstream.requests("GenerateAssistantResponse")[-1]["account"] == "second"


def test_without_its_database_the_gateway_says_so_and_recovers(
    two: tuple[Gateway, Gateway], postgres: str, database: str
):
    run(database, "UPDATE accounts_account SET usage_asked_at = now()")
    assert text_of(ask(two[0])) == "You said: Hi"
    name = urlsplit(database).path.removeprefix("/")
    run(
        postgres,
        f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{name}'",
    )
    assert anthropic_error(ask(two[0]), 503, "api_error")
    run(postgres, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert text_of(ask(two[0])) == "You said: Hi"


def run(address: str, *statements: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


# prepare


def test_several_at_once_prepare_one_database_once(env: dict[str, str]):
    with ThreadPoolExecutor(3) as pool:
        told = "".join(pool.map(lambda _: prepare(env), range(3)))
    assert told.count("Account added: ") == len(IMPORTED)
    found = [row["fields"] for row in accounts(env)]
    assert [row["name"] for row in found] == ["first", "second", "third"]
    assert [row["refresh_token"] for row in found] == [
        account["refreshToken"] for account in IMPORTED
    ]


def test_a_second_start_changes_no_account(env: dict[str, str], upstream: Control):
    prepare(env)
    change(env, "Account.objects.get(name='second').delete()")
    change(
        env,
        "Account.objects.filter(name='first').update(name='renamed', position=7);"
        "Account.objects.filter(name='third').update(enabled=False)",
    )
    with running_gateway(env) as gateway:
        assert text_of(ask(gateway)) == "You said: Hi"
    before = accounts(env)
    rotated = upstream.account("first")["refresh_token"]
    assert before[0]["fields"]["refresh_token"] == rotated
    assert rotated != IMPORTED[0]["refreshToken"]

    assert "Account added" not in prepare(env)

    assert accounts(env) == before


def test_a_new_entry_goes_to_the_end_and_old_ones_may_be_edited_or_moved(
    env: dict[str, str],
):
    prepare(env)
    before = accounts(env)
    first, second, third = IMPORTED
    new = {"auth": "Social", "refreshToken": "aorNew" + secrets.token_hex(50)}
    entries = [new, third, first | {"description": "another name"}, second]
    prepare(env | {"KIRO_AUTH_TOKEN": json.dumps(entries)})
    after = accounts(env)
    assert after[:3] == before
    assert [row["fields"]["refresh_token"] for row in after[3:]] == [
        new["refreshToken"]
    ]
    positions = [row["fields"]["position"] for row in after]
    assert positions == sorted(positions)
