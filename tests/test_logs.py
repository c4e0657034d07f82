"""Logs from outside: every line of a request says so, wherever it goes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from simulator.control import GENERATE, Control
from tests.calls import BODY, STREAMED, ask, caller, text_of, user
from tests.conftest import StartGateway
from tests.processes import CANARY, KEY, copy_of, environment, manage, until
from tests.test_docs import README, table

OUT_OF_CREDITS = {"credits_used": 50.0, "credits_limit": 50.0}
FIRST_FIVE = {"timestamp", "level", "service", "logger", "message"}


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def of(found: list[dict[str, Any]], request_id: str) -> list[dict[str, Any]]:
    return [line for line in found if line.get("request_id") == request_id]


def test_all_lines_of_a_request_have_its_id_and_upstream_gets_it(
    start_gateway: StartGateway, upstream: Control
):
    gateway = start_gateway()
    upstream.kill_refresh_token("first")
    with caller(gateway) as http:
        for name in ("one", "two"):
            headers = {"x-request-id": name}
            answer = http.post("/v1/messages", json=BODY, headers=headers)
            assert answer.headers["x-request-id"] == name
        headers = {"x-request-id": "three"}
        http.post("/v1/messages", json=BODY | {"metadata": 7}, headers=headers)
    gateway.stop()
    found = lines(gateway.log)
    about_first = [line for line in found if "account first" in line["message"]]
    assert {line["request_id"] for line in about_first} == {"one"}
    assert {line["account"] for line in of(found, "two")} == {"second"}
    assert of(found, "three")[-1]["status"] == 400
    sent = [
        {name.lower(): value for name, value in request["headers"].items()}
        for request in upstream.requests()
        if request["operation"] == GENERATE
    ]
    assert [headers["x-request-id"] for headers in sent] == ["one", "two"]


@pytest.mark.parametrize("readme", README)
def test_the_fields_are_those_of_the_readme(
    readme: str, start_gateway: StartGateway, upstream: Control
):
    gateway = start_gateway()
    with caller(gateway) as http:
        http.post("/v1/messages", json=BODY | {"top_k": 3, "temperature": 0.1})
        http.post("/v1/messages", json=BODY | {"model": "claude-none-such"})
        http.post("/v1/messages", json=STREAMED)
    gateway.stop()
    found = lines(gateway.log)
    assert all(line.keys() >= FIRST_FIVE for line in found)
    written = {name for line in found for name in line}
    named = [row[0].strip("`") for row in table(readme, "log-fields")]
    # A traceback is in a line only where something broke.
    assert written == set(named) - {"exc_info"}


def test_text_says_as_much(start_gateway: StartGateway):
    gateway = start_gateway(LOG_FORMAT="text")
    assert text_of(ask(gateway)) == "You said: Hi"
    gateway.stop()
    (line,) = [line for line in gateway.log.splitlines() if "kiro2api.request" in line]
    assert "POST /v1/messages 200" in line
    for field in ("request_id=req_", "account=first", "credits=", '"input": '):
        assert field in line


def test_the_console_may_be_off_and_the_file_goes_on_after_a_restart(
    start_gateway: StartGateway, prepared: Path, tmp_path: Path
):
    data = copy_of(prepared, tmp_path / "data")
    file = tmp_path / "log"
    for count in (1, 2):
        gateway = start_gateway(data, LOG_CONSOLE="false", LOG_FILE=str(file))
        assert text_of(ask(gateway)) == "You said: Hi"
        gateway.stop()
        assert lines(gateway.log) == []
        assert file.read_text().count("POST /v1/messages 200") == count


def test_two_processes_share_a_file(
    start_gateway: StartGateway, prepared: Path, tmp_path: Path
):
    data = copy_of(prepared, tmp_path / "data")
    file = tmp_path / "log"
    pair = [start_gateway(data, LOG_FILE=str(file)) for _ in range(2)]
    for gateway in pair * 5:
        assert text_of(ask(gateway)) == "You said: Hi"
    until(lambda: file.read_text().count("POST /v1/messages 200") == 10)
    assert all(line.keys() >= FIRST_FIVE for line in lines(file.read_text()))


def test_a_file_that_cannot_be_written_is_named_and_the_console_goes_on(
    tmp_path: Path,
):
    nowhere = str(tmp_path / "none" / "log")
    done = manage("prepare", env=environment(tmp_path, LOG_FILE=nowhere))
    assert done.returncode == 0
    assert f"LOG_FILE: cannot write to {nowhere}" in done.stderr
    off = environment(tmp_path, LOG_FILE=nowhere, LOG_CONSOLE="false")
    done = manage("prepare", env=off)
    assert done.returncode != 0
    assert "LOG_CONSOLE is off" in done.stderr
    done = manage("prepare", env=environment(tmp_path, LOG_CONSOLE="false"))
    assert done.stderr.strip().endswith("then LOG_FILE must name a file.")


@pytest.mark.parametrize(
    "name",
    ["REFRESH_TOKEN", "AWS_REFRESHTOKEN", "IDC_REFRESH_TOKEN", "BULK_REFRESH_TOKENS"],
)
def test_a_variable_of_old_is_warned_about(name: str, tmp_path: Path):
    done = manage("prepare", env=environment(tmp_path, **{name: CANARY}))
    assert done.returncode == 0
    assert f"{name} is not read any more" in done.stderr
    assert CANARY not in done.stderr + done.stdout


ENV = """\
# accounts
KIRO_AUTH_TOKEN='[
  {
    "auth": "Social",
    "refreshToken": "arn:aws:sso:us-east-1:999999999999:token/refresh/one"
  },
  {
    "auth": "IdC",
    "refreshToken": "arn:aws:identitycenter::us-east-1:999999999999:account/two",
    "clientId": "https://oidc.us-east-1.amazonaws.com/clients/three",
    "clientSecret": "four-secret-key-four"
  }
]'

KIRO_CLIENT_TOKEN=a-long-and-secure-token    # the key of clients
PORT=8080                                # port
GIN_MODE=release                         # debug/release/test

LOG_LEVEL=info                           # debug/info/warn/error
LOG_FORMAT=json                          # text/json
LOG_CONSOLE=true
LOG_FILE={log}          # may be left out
MAX_TOOL_DESCRIPTION_LENGTH=10000
"""


def test_a_settings_file_of_the_original_works_as_it_is(tmp_path: Path):
    (tmp_path / ".env").write_text(ENV.replace("{log}", str(tmp_path / "log")))
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path)}
    done = manage("prepare", env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Account added: ") == 2
    assert "account Social 1: added" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("mode", ["debug", "release", "test"])
def test_no_mode_touches_tls(mode: str, tmp_path: Path):
    code = (
        "from kiro2api import transport; tls = transport._tls();"
        "print(tls.check_hostname, tls.verify_mode.name)"
    )
    env = environment(tmp_path, GIN_MODE=mode)
    done = manage("shell", "--no-imports", "-c", code, env=env)
    assert done.stdout.split() == ["True", "CERT_REQUIRED"], done.stderr


def test_what_is_dumped_is_bounded_for_its_owner_alone_and_without_secrets(
    start_gateway: StartGateway, upstream: Control, tmp_path: Path
):
    folder = tmp_path / "dumps"
    gateway = start_gateway(DUMP_DIR=str(folder))
    folder.mkdir()
    old = folder / "0-old.jsonl"
    old.write_text("{}")
    os.utime(old, (0, 0))
    secret = "aorAAAAAPasted0123456789"
    asked = BODY | {"messages": user(f"{CANARY} {secret} {KEY}")}
    for stream in (True, False):
        assert CANARY in text_of(ask(gateway, asked | {"stream": stream}))
    gateway.stop()
    assert not old.exists()
    files = sorted(folder.iterdir())
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]
    for file in files:
        text = file.read_text()
        assert secret not in text
        assert KEY not in text
        notes = [json.loads(line) for line in text.splitlines()]
        whats = {note["what"] for note in notes}
        assert whats == {
            "POST /v1/messages",
            "upstream request by first",
            "upstream reply",
            "answer",
        }
        for what in whats - {"upstream reply", "answer"}:
            assert any(CANARY in n["content"] for n in notes if n["what"] == what)
