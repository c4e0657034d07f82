"""`make demo`, as a newcomer runs it."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.processes import ROOT, SECONDS, free_port, until


@contextmanager
def demo(output: Path, *options: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """One at a time: all demos use the same folder."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    lock = ROOT / "var" / "demo.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as alone, output.open("wb") as file:
        fcntl.flock(alone, fcntl.LOCK_EX)
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "demo.py"), *options],
            env={**kept, "PORT": str(port), "PYTHONUNBUFFERED": "1"},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(SECONDS)


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_it_shows_an_answer_and_addresses_and_leaves_nothing_running(
    tmp_path: Path, told: signal.Signals
):
    output, port = tmp_path / "said.txt", free_port()
    with demo(output, port=port) as process:
        until(lambda: "Ctrl-C" in output.read_text() or process.poll() is not None)
        said = output.read_text()
        assert process.poll() is None, said
        shown = re.search(r"\n> (.+)\n< (.+)\n", said)
        assert shown
        assert shown[1] in shown[2]  # the simulated upstream echoes the question
        assert_it_works_as_told(said)
        assert len(children()) == 2  # the simulator and the gateway
        process.send_signal(told)
        assert process.wait(SECONDS) == 0
        assert children() == []


def children() -> list[psutil.Process]:
    """They work in the demo's folder, as nobody else does."""
    folder = str(ROOT / "var" / "demo")
    return [
        process
        for process in psutil.process_iter(["cwd"])
        if process.info["cwd"] == folder
    ]


def assert_it_works_as_told(said: str) -> None:
    dashboard = re.search(r"Dashboard +(\S+)", said)
    admin = re.search(r"Admin +(\S+) +user (\S+), password (\S+)", said)
    key = re.search(r"Client key +(\S+)", said)
    claude_code = dict(re.findall(r"export (\w+)=(\S+)", said))
    assert dashboard and admin and key
    assert claude_code == {
        "ANTHROPIC_BASE_URL": dashboard[1].rstrip("/"),
        "ANTHROPIC_API_KEY": key[1],
    }
    with httpx.Client(trust_env=False, timeout=SECONDS) as browser:
        page = browser.get(dashboard[1])
        assert page.status_code == 200
        assert "demo" in page.text.lower()
        models = f"{dashboard[1]}v1/models"
        assert browser.get(models, headers={"x-api-key": key[1]}).status_code == 200
        form = browser.get(f"{admin[1]}login/")
        token = form.cookies["kiro2api_csrf"]
        entered = browser.post(
            f"{admin[1]}login/?next=/admin/",
            data={
                "username": admin[2],
                "password": admin[3],
                "csrfmiddlewaretoken": token,
            },
        )
        assert entered.status_code == 302
        assert "demo" in browser.get(admin[1]).text.lower()


def test_the_proof_alone_ends_with_its_status(tmp_path: Path):
    output = tmp_path / "said.txt"
    with demo(output, "--proof", port=free_port()) as process:
        assert process.wait(SECONDS) == 0, output.read_text()
        assert children() == []
    shown = re.search(r"\n> (.+)\n< (.+)\n", output.read_text())
    assert shown
    assert shown[1] in shown[2]


def test_a_port_in_use_is_said_and_nothing_is_left_running(tmp_path: Path):
    output, port = tmp_path / "said.txt", free_port()
    with (
        socket.create_server(("127.0.0.1", port)),
        demo(output, port=port) as process,
    ):
        assert process.wait(SECONDS) == 1
        assert children() == []
    assert f"{port}" in output.read_text()
    assert "PORT" in output.read_text()
