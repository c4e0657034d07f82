"""The background worker: what it does by the clock, and how long it lives."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from simulator.control import Control
from tests.calls import BODY, ask
from tests.processes import (
    Gateway,
    copy_of,
    environment,
    running_gateway,
    until,
    upstream_settings,
)

REFRESH = "RefreshSocial"


@pytest.fixture
def with_worker(prepared: Path, upstream: Control, tmp_path: Path) -> Iterator[Gateway]:
    data = copy_of(prepared, tmp_path / "data")
    env = environment(data, **upstream_settings(upstream.url))
    with running_gateway(env, "--worker") as gateway:
        yield gateway


def workers(gateway: Gateway) -> list[psutil.Process]:
    children = psutil.Process(gateway.pid).children()
    return [child for child in children if alive(child) and "work" in child.cmdline()]


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def renewed(gateway: Gateway, name: str, since: str) -> bool:
    ((later,),) = gateway.sql(
        f"SELECT access_expires_at > {since} FROM accounts_account"
        f" WHERE name = '{name}'"
    )
    return bool(later)


def test_a_token_in_use_is_renewed_before_it_expires(
    with_worker: Gateway, upstream: Control
):
    """The first account is in use, the second rests, though both expire soon."""
    ask(with_worker, BODY)
    soon = "strftime('%Y-%m-%d %H:%M:%S', 'now', '+5 minutes')"
    with_worker.sql(
        f"UPDATE accounts_account SET access_expires_at = {soon}"
        " WHERE name IN ('first', 'second')"
    )
    before = upstream.calls(REFRESH)
    # A worker begins with a round of its jobs: a new one need not be waited for.
    workers(with_worker)[0].kill()
    until(lambda: upstream.calls(REFRESH) == before + 1)
    until(lambda: "token renewed" in with_worker.log)
    (expires,) = with_worker.sql(
        f"SELECT access_expires_at > {soon} FROM accounts_account WHERE name = 'first'"
    )[0]
    assert expires == 1
    assert upstream.calls(REFRESH) == before + 1


def test_a_worker_that_died_is_started_again(with_worker: Gateway):
    until(lambda: bool(workers(with_worker)))
    first = workers(with_worker)[0]
    first.kill()
    until(lambda: [w.pid for w in workers(with_worker)] not in ([], [first.pid]))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_the_gateway(with_worker: Gateway, number: int):
    """Also if the gateway had no time to say so."""
    until(lambda: bool(workers(with_worker)))
    (worker,) = workers(with_worker)
    with_worker.stop(number)
    until(lambda: not alive(worker))
