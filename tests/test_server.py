"""The server beneath: it drains when told to stop, and does not drown a slow client."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
import psutil
import pytest

from simulator.control import Control
from tests.calls import STREAMED, ask, caller, events, text_of
from tests.conftest import StartGateway
from tests.processes import Gateway, until

HELD = {"steps": [{"text": "Hello"}, {"gate": "held"}, {"text": ", world!"}]}
MEGABYTE = 2**20
ENDLESS = STREAMED | {"max_tokens": 10**9}


def stream(http: httpx.Client) -> AbstractContextManager[httpx.Response]:
    return http.stream("POST", "/v1/messages", json=ENDLESS)


@contextmanager
def deaf_client(gateway: Gateway) -> Iterator[None]:
    """It asks, and never reads the answer."""
    content = json.dumps(ENDLESS).encode()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", gateway.port))
        client.sendall(
            b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %b\r\n"
            b"Content-Length: %d\r\n\r\n%b"
            % (gateway.key.encode(), len(content), content)
        )
        yield


def listens(gateway: Gateway) -> bool:
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", gateway.port)) == 0


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_finishes_the_answers_it_has_begun(
    start_gateway: StartGateway, upstream: Control, told: signal.Signals
):
    gateway = start_gateway()
    assert gateway.process is not None
    upstream.enqueue(HELD)
    with caller(gateway) as http, stream(http) as answer:
        heard = answer.iter_text()
        said = next(heard)
        gateway.process.send_signal(told)
        until(lambda: not listens(gateway))
        assert gateway.process.poll() is None
        upstream.open_gate("held")
        said += "".join(heard)
    told_events = events(said)
    assert told_events[-1] == {"type": "message_stop"}
    texts = [event.get("delta", {}).get("text", "") for event in told_events]
    assert "".join(texts) == "Hello, world!"
    assert gateway.process.wait(30) == 0
    booked = "SELECT requests, credits_spent > 0 FROM accounts_account"
    assert gateway.sql(f"{booked} WHERE name = 'first'") == [(1, 1)]


def test_it_does_not_wait_for_ever_for_an_answer(
    start_gateway: StartGateway, upstream: Control
):
    gateway = start_gateway(DRAIN_SECONDS="0.2")
    upstream.enqueue(HELD)
    with caller(gateway) as http, stream(http) as answer:
        heard = answer.iter_text()
        assert next(heard)
        assert gateway.stop() == 0
        with pytest.raises(httpx.RemoteProtocolError):
            list(heard)
    upstream.wait_for_streams(0)


def test_with_nothing_to_do_it_stops_with_status_0(start_gateway: StartGateway):
    gateway = start_gateway()
    idle = socket.create_connection(("127.0.0.1", gateway.port))
    with idle:  # a connection that is kept alive does not keep it up
        assert gateway.stop() == 0


def test_a_client_that_does_not_read_is_not_sent_all_at_once(
    start_gateway: StartGateway, upstream: Control
):
    """The upstream has 60 MB to say; neither they nor what becomes of them may
    pile up in the gateway."""
    gateway = start_gateway()
    process = psutil.Process(gateway.pid)
    assert text_of(ask(gateway)) == "You said: Hi"
    before = process.memory_info().rss
    upstream.enqueue({"steps": [{"fill": 60 * MEGABYTE, "piece": 100_000}]})
    with deaf_client(gateway):
        upstream.wait_for_streams(1)
        assert text_of(ask(gateway)) == "You said: Hi"
        until(lambda: stands_still(process))
        assert upstream.active_streams() == 1
        assert process.memory_info().rss - before < 20 * MEGABYTE
    upstream.wait_for_streams(0)


def stands_still(process: psutil.Process) -> bool:
    """It uses no processor for a while: nothing flows any more."""
    return process.cpu_percent(interval=0.5) < 2


def test_a_client_that_reads_late_gets_everything(
    start_gateway: StartGateway, upstream: Control
):
    gateway = start_gateway()
    process = psutil.Process(gateway.pid)
    upstream.enqueue({"steps": [{"fill": 10 * MEGABYTE, "piece": 50_000}]})
    with caller(gateway) as http, stream(http) as answer:
        until(lambda: stands_still(process))
        told = events("".join(answer.iter_text()))
    texts = [event.get("delta", {}).get("text", "") for event in told]
    assert sum(map(len, texts)) == 10 * MEGABYTE
    assert told[-1] == {"type": "message_stop"}
