"""The background worker: what it does by the clock, and how long it lives."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dashboard.tests.listeners import hook_running
from simulator.control import Control
from tests.calls import BODY, ask
from tests.conftest import ACCOUNTS, StartGateway
from tests.processes import (
    Gateway,
    copy_of,
    environment,
    manage,
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


def all_asked(gateway: Gateway) -> bool:
    """For its models, which comes after its credits."""
    ((waiting,),) = gateway.sql(
        "SELECT count(*) FROM accounts_account WHERE models_read_at IS NULL"
    )
    return not waiting


def test_a_token_in_use_is_renewed_before_it_expires(
    with_worker: Gateway, upstream: Control
):
    """The first account is in use, the second rests, though both expire soon."""
    ask(with_worker, BODY)
    # The worker has asked those that nobody had asked yet; it does not do so again.
    until(lambda: all_asked(with_worker))
    soon = "strftime('%Y-%m-%d %H:%M:%S', 'now', '+5 minutes')"
    with_worker.sql(
        f"UPDATE accounts_account SET access_expires_at = {soon}"
        " WHERE name IN ('first', 'second')"
    )
    before = upstream.calls(REFRESH)
    # A worker begins with a round of its jobs: a new one need not be waited for.
    workers(with_worker)[0].kill()
    until(lambda: upstream.calls(REFRESH) == before + 1)
    until(lambda: renewed(with_worker, "first", soon))
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


ADD_CHANNEL = """
from dashboard.models import AlertChannel
AlertChannel.objects.create(name="ops", url="{url}", events=["account_lost"])
"""
LOSE = (
    "UPDATE accounts_account SET blocked_reason = 'suspended',"
    " blocked_since = datetime('now') WHERE name = 'second'"
)


def begin_a_round(gateway: Gateway) -> None:
    """Of its jobs, with a worker that knows nothing of the one before."""
    begun = gateway.log.count("the worker runs")
    workers(gateway)[0].kill()
    until(lambda: gateway.log.count("the worker runs") > begun)


def all_sent(gateway: Gateway) -> bool:
    told, waiting = (
        gateway.sql(f"SELECT count(*) FROM dashboard_{table}")[0][0]
        for table in ("standingalert", "outgoingalert")
    )
    return bool(told) and not waiting


def add_channel(gateway: Gateway, url: str) -> None:
    added = manage("shell", "-c", ADD_CHANNEL.format(url=url), env=gateway.env)
    assert added.returncode == 0, added.stderr


def test_a_lost_account_is_told_of_once(with_worker: Gateway):
    until(lambda: all_asked(with_worker))
    with hook_running() as hook:
        add_channel(with_worker, hook.url)
        with_worker.sql(LOSE)
        begin_a_round(with_worker)
        until(lambda: all_sent(with_worker))
        assert hook.posts[0].json["account"] == "second"
        with_worker.sql(LOSE.replace("second", "third"))
        begin_a_round(with_worker)
        until(lambda: len(hook.posts) > 1)
        assert [post.json["account"] for post in hook.posts] == ["second", "third"]


def test_without_a_worker_the_gateway_tells(
    start_gateway: StartGateway, upstream: Control
):
    first, *others = ACCOUNTS
    upstream.set_accounts([first | {"state": "suspended"}, *others])
    gateway = start_gateway(PUBLIC_URL="https://example.com/kiro")
    with hook_running() as hook:
        add_channel(gateway, hook.url)
        ask(gateway, BODY)
        until(lambda: bool(hook.posts))
        told = hook.posts[0].json
        assert told["account"] == "first"
        assert told["url"].startswith(
            "https://example.com/kiro/admin/accounts/account/"
        )
        assert gateway.stop() == 0
