"""What a small request asks of the database: counted in Postgres's own log."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter

import psycopg

from bench import driver
from bench.scenarios import ONE_BY_ONE, SETTLE_SECONDS, request_of
from bench.stage import Stage, Target

REQUESTS = 50
STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*): (.*)")
VARIES = re.compile(r"'[^']*'|\b\d[\d.]*\b|\$\d+")
SHOWN = 160


def statements(stage: Stage, target: Target) -> dict[str, float]:
    """Statements by their text, so many a request; those written off the path too."""
    stage.play(ONE_BY_ONE.script)
    asyncio.run(_ask(target, 3))  # what only the first one asks
    time.sleep(SETTLE_SECONDS)
    with psycopg.connect(stage.postgres, autocommit=True) as connection:
        _log_all(connection, on=True)
        begun = stage.postgres_log.stat().st_size
        asyncio.run(_ask(target, REQUESTS))
        time.sleep(SETTLE_SECONDS)
        with stage.postgres_log.open(errors="replace") as log:
            log.seek(begun)
            said = STATEMENT.findall(log.read())
        _log_all(connection, on=False)
    counted = Counter(VARIES.sub("?", text)[:SHOWN] for text in said)
    return {text: count / REQUESTS for text, count in counted.most_common()}


async def _ask(target: Target, count: int) -> None:
    request = request_of(ONE_BY_ONE.body, target.keys)
    connections = driver.Connections(target.port)
    (connection,) = await connections.some(1)
    for number in range(count):
        await connection.ask(request(number))
    connections.close()


def _log_all(connection: psycopg.Connection[tuple[object, ...]], *, on: bool) -> None:
    connection.execute(f"ALTER SYSTEM SET log_statement = '{'all' if on else 'none'}'")
    connection.execute("SELECT pg_reload_conf()")
    time.sleep(0.3)
