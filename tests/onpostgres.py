"""What every process of a gateway on one Postgres is started with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg

from tests.processes import environment, manage, upstream_settings


def prepared_on(
    database: str, data: Path, upstream: str, accounts: Sequence[Mapping[str, str]]
) -> dict[str, str]:
    """The environment, once `prepare` has made tables and accounts."""
    made = manage("new_keys", env=environment(data, DATABASE_URL=database))
    keys = dict(line.split("=", 1) for line in made.stdout.splitlines())
    env = environment(
        data,
        DATABASE_URL=database,
        KIRO_AUTH_TOKEN=json.dumps(accounts),
        **keys,
        **upstream_settings(upstream),
    )
    done = manage("prepare", env=env)
    assert done.returncode == 0, done.stderr
    return env


def run(address: str, *statements: str) -> None:
    """On the server, each in a transaction of its own."""
    with psycopg.connect(address, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
