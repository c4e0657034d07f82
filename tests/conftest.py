"""Fixtures for tests from outside: a prepared gateway, in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulator.control import Control
from tests.processes import Gateway, copy_of, environment, manage, upstream_settings

ACCOUNTS = [
    {"name": "first", "kind": "social", "refresh_token": "aorFirst" + "1" * 100},
    {"name": "second", "kind": "social", "refresh_token": "aorSecond" + "2" * 100},
    {
        "name": "third",
        "kind": "idc",
        "refresh_token": "aorThird" + "3" * 100,
        "client_id": "third-client",
        "client_secret": "third-secret",
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


@pytest.fixture
def start_gateway(
    prepared: Path, upstream: Control, tmp_path: Path
) -> Iterator[StartGateway]:
    """Starts gateways, each on a copy of the prepared data unless told otherwise;
    keyword arguments are environment variables."""
    started: list[Gateway] = []

    def start(data: Path | None = None, **settings: str) -> Gateway:
        data = data or copy_of(prepared, tmp_path / f"data-{len(started)}")
        env = environment(data, **upstream_settings(upstream.url), **settings)
        gateway = Gateway(env)
        started.append(gateway)
        return gateway.start()

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture
def gateway(start_gateway: StartGateway) -> Gateway:
    return start_gateway()
