"""The whole gateway on this machine, with a simulated upstream: `make demo`.

Starts the simulator and the gateway as child processes on a database of their
own, sends one streaming request as proof, says how to look around, and stays up
until Ctrl-C. `--proof` ends after the request, with its exit status.
"""

from __future__ import annotations

import argparse
import fcntl
import http.client
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

HOME = Path(__file__).resolve().parent
DATA = HOME / "var" / "demo"
LOCK = HOME / "var" / "demo-is-running"
MARKER = DATA / "demo"  # kiro2api.checks: `make run` refuses a database beside it
HOST = "127.0.0.1"
MODEL = "claude-sonnet-4-20250514"
QUESTION = "Hello! Which way did this request take?"
START_SECONDS = 60
STOP_SECONDS = 20

ACCOUNTS = [
    {"name": "Ada (Social)", "kind": "social", "email": "ada@example.com"},
    {"name": "Grace (Social)", "kind": "social", "email": "grace@example.com"},
    {"name": "Team (IdC)", "kind": "idc", "email": "team@example.com"},
]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--proof", action="store_true", help="end after the proof")
    proof_only = arguments.parse_args().proof
    signal.signal(signal.SIGTERM, _interrupt)
    port = int(os.environ.get("PORT") or 8080)
    password, key = secrets.token_urlsafe(9), f"sk-kiro-{secrets.token_urlsafe(32)}"
    try:
        with ExitStack() as running:
            running.enter_context(_the_only_one())
            _fresh_data()
            upstream = running.enter_context(_simulator())
            environment = _environment(upstream, port, password, key)
            running.enter_context(_gateway(environment, port))
            _prove(port, key)
            if not proof_only:
                _explain(port, password, key)
                signal.pause()
    except KeyboardInterrupt:
        print("\nStopped.")
    except DemoFailed as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        return 1
    return 0


class DemoFailed(Exception):
    pass


def _interrupt(number: int, frame: types.FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _the_only_one() -> Iterator[None]:
    """A second demo would empty the folder of the first."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoFailed("another one is running here: stop it first") from None
        yield


def _fresh_data() -> None:
    """Every demo begins anew. Only a folder that a demo made is ever emptied."""
    if DATA.exists() and any(DATA.iterdir()) and not MARKER.exists():
        raise SystemExit(f"{DATA} was not made by a demo: move it away first.")
    shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir(parents=True)
    MARKER.touch()


def _login(account: dict[str, str]) -> dict[str, str]:
    """The secrets that simulator and gateway agree on."""
    name = account["name"].split()[0].lower()
    login = {"refresh_token": f"aorDemoRefresh-{name}-" + "x" * 100}
    if account["kind"] == "idc":
        login |= {"client_id": f"client-{name}", "client_secret": f"secret-{name}"}
    return login


@contextmanager
def _simulator() -> Iterator[str]:
    """Yields its address."""
    accounts = DATA / "simulator-accounts.json"
    accounts.write_text(json.dumps([{**a, **_login(a)} for a in ACCOUNTS]))
    command = ["-m", "simulator", "--host", HOST, "--port", "0", "--pace", "0.05"]
    with _child([*command, "--accounts", str(accounts)], _inherited(), "simulator") as (
        process,
        log,
    ):
        said = _until(lambda: _last_word(log, "listening on "), process, log)
        print(f"The simulated upstream runs at {said}")
        yield said


@contextmanager
def _gateway(environment: dict[str, str], port: int) -> Iterator[None]:
    manage = str(HOME / "manage.py")
    print("Preparing a database with three accounts ...")
    with _child([manage, "prepare"], environment, "prepare") as (process, log):
        if process.wait(START_SECONDS):
            raise DemoFailed(_tail(log))
    with _child([manage, "serve"], environment, "gateway") as (process, log):
        _until(lambda: _answers(port), process, log)
        yield


def _environment(upstream: str, port: int, password: str, key: str) -> dict[str, str]:
    """Nothing of the person's own settings: `.env` is not read either, since the
    children work in the demo's folder."""
    imported = [
        {
            "auth": "IdC" if account["kind"] == "idc" else "Social",
            "description": account["name"],
            "refreshToken": login["refresh_token"],
            "clientId": login.get("client_id", ""),
            "clientSecret": login.get("client_secret", ""),
        }
        for account in ACCOUNTS
        for login in [_login(account)]
    ]
    return _inherited() | {
        "DEMO": "true",
        "HOST": HOST,
        "PORT": str(port),
        "DATA_DIR": str(DATA),
        "KIRO_API_URL": upstream,
        "KIRO_RUNTIME_URL": upstream,
        "KIRO_AUTH_URL": upstream,
        "KIRO_OIDC_URL": upstream,
        "KIRO_AUTH_TOKEN": json.dumps(imported),
        "KIRO_CLIENT_TOKEN": key,
        "ADMIN_PASSWORD": password,
        "DRAIN_SECONDS": "2",
    }


def _inherited() -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "VIRTUAL_ENV")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    return environment | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(HOME)}


@contextmanager
def _child(
    command: list[str], environment: dict[str, str], name: str
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """In a session of its own: Ctrl-C is ours to hand on, in the right order."""
    log = DATA / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=DATA,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process, log
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until(
    ready: Callable[[], T | None], process: subprocess.Popen[bytes], log: Path
) -> T:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if found := ready():
            return found
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise DemoFailed(_tail(log))


def _last_word(log: Path, after: str) -> str | None:
    said = log.read_text(errors="replace")
    return said.split(after, 1)[1].split()[0] if after in said else None


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-15:]
    return "\n".join([f"{log.name} says:", *lines])


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _prove(port: int, key: str) -> None:
    """One streaming request, its answer printed as it arrives."""
    body = {
        "model": MODEL,
        "max_tokens": 500,
        "stream": True,
        "messages": [{"role": "user", "content": QUESTION}],
    }
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    headers = {"content-type": "application/json", "x-api-key": key}
    connection.request("POST", "/v1/messages", json.dumps(body), headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise DemoFailed(f"status {answer.status}: {answer.read(2000).decode()}")
    print(f"\n> {QUESTION}\n< ", end="", flush=True)
    ended = False
    for line in answer:
        if line.startswith(b"data: "):
            event = json.loads(line[6:])
            print(event.get("delta", {}).get("text", ""), end="", flush=True)
            ended = ended or event["type"] == "message_stop"
    connection.close()
    print()
    if not ended:
        raise DemoFailed("the answer broke off")


def _explain(port: int, password: str, key: str) -> None:
    address = f"http://{HOST}:{port}"
    print(
        f"""
  Dashboard   {address}/
  Admin       {address}/admin/   user admin, password {password}
  Client key  {key}

  Claude Code, in another terminal:
    export ANTHROPIC_BASE_URL={address}
    export ANTHROPIC_API_KEY={key}

Ctrl-C stops everything.""",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
