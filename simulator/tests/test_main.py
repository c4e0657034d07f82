"""`python -m simulator`, as a program of its own."""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulator.control import Control
from simulator.tests.caller import Caller

ROOT = Path(__file__).parents[2]


@contextmanager
def started(*options):
    command = [sys.executable, "-m", "simulator", "--port", "0", *options]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_tells_its_address_and_ends_cleanly(number):
    with started() as (process, line):
        url = line.removeprefix("simulator listening on ").strip()
        assert Caller(Control(url)).generate(account="social-1").status == 200
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
        assert process.stderr.read() == ""


def test_it_ends_while_an_answer_is_held():
    with started() as (process, line):
        control = Control(line.split()[-1])
        control.enqueue({"script": "text", "gate": "never"})
        caller = Caller(control)
        connection = caller.open(
            "POST",
            "/generateAssistantResponse",
            b'{"conversationState":{"chatTriggerType":"MANUAL","currentMessage":'
            b'{"userInputMessage":{"content":"hi"}}}}',
            caller.bearer("social-1") | {"Content-Type": "application/json"},
        )
        control.wait_for_gate("never")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
        connection.close()


def test_accounts_and_pace_come_from_the_command_line(tmp_path):
    file = tmp_path / "accounts.json"
    file.write_text(json.dumps([{"name": "only", "credits_limit": 7}]))
    with started("--accounts", str(file), "--pace", "0.01") as (_, line):
        control = Control(line.split()[-1])
        (account,) = control.accounts()
        assert (account["name"], account["credits_left"]) == ("only", 7)
        assert control.state()["settings"]["pace"] == 0.01


def test_a_port_in_use_is_told_in_a_line():
    with started() as (_, line):
        port = line.strip().rpartition(":")[2]
        second = subprocess.run(
            [sys.executable, "-m", "simulator", "--port", port],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=20,
        )
    assert second.returncode == 1
    assert "address already in use" in second.stderr
    assert "Traceback" not in second.stderr
