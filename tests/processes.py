"""The gateway as people run it: processes, ports, a data folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MANAGE = str(ROOT / "manage.py")
KEY = "sk-kiro-for-the-tests-only-0123456789"
ADMIN_PASSWORD = "correct horse battery"
# Stands in prompts, names of files and secrets that no shape gives away.
CANARY = "canary-e5d0c2"
SECONDS = 60
DATABASE = "kiro2api.sqlite3"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(data: Path, **settings: str) -> dict[str, str]:
    """What a gateway's process sees: nothing of ours but what a test sets."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {
        **kept,
        "DATA_DIR": str(data),
        "KIRO_CLIENT_TOKEN": KEY,
        "ADMIN_PASSWORD": ADMIN_PASSWORD,
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "default",
        # What must not be in a log is not in it at any level.
        "LOG_LEVEL": "debug",
        **settings,
    }


def upstream_settings(url: str) -> dict[str, str]:
    names = ("API", "RUNTIME", "CONTROL", "AUTH", "OIDC")
    return {f"KIRO_{name}_URL": url for name in names}


def manage(*command: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, MANAGE, *command],
        env=dict(env),
        cwd=env["DATA_DIR"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


@dataclass
class Gateway:
    """One serving process."""

    env: dict[str, str]
    port: int = field(default_factory=free_port)
    key: str = KEY
    process: subprocess.Popen[bytes] | None = None
    arguments: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return Path(self.env["DATA_DIR"])

    @property
    def log_file(self) -> Path:
        return self.data / f"gateway-{self.port}.log"

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def sql(self, *statements: str) -> list[Any]:
        """On its database, if that is SQLite, behind its back; the last one's rows."""
        rows: list[Any] = []
        with closing(sqlite3.connect(self.data / DATABASE, timeout=SECONDS)) as base:
            for statement in statements:
                rows = base.execute(statement).fetchall()
            base.commit()
        return rows

    def restore_accounts(self, prepared: Path) -> None:
        """As in that folder. But it may not go and ask for figures and models, which
        would come in the midst of the next test; and whatever still comes of an
        earlier one is about tokens that the rows never had."""
        self.sql(
            f"ATTACH '{prepared / DATABASE}' AS prepared",
            "DELETE FROM accounts_account",
            "INSERT INTO accounts_account SELECT * FROM prepared.accounts_account",
            "UPDATE accounts_account SET token_version = abs(random() % 1000000000),"
            " usage_asked_at = datetime('now'), models_asked_at = datetime('now')",
        )

    def start(self) -> Gateway:
        with self.log_file.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, MANAGE, "serve", *self.arguments],
                env={**self.env, "PORT": str(self.port)},
                cwd=self.data,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.wait_until_it_answers()
        return self

    def wait_until_it_answers(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/livez", timeout=5):
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"the gateway did not start:\n{self.log[-3000:]}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends it as an operator would; its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(SECONDS)


@contextmanager
def running_gateway(env: dict[str, str], *arguments: str) -> Iterator[Gateway]:
    """It must not only run, but also have had nothing to complain about."""
    gateway = Gateway(env, arguments=arguments)
    try:
        yield gateway.start()
    finally:
        gateway.stop()
    assert "Traceback" not in gateway.log, gateway.log
    assert "Warning:" not in gateway.log, gateway.log
    for secret in (CANARY, KEY, ADMIN_PASSWORD, "aorFirst", "aorSecond", "aorThird"):
        assert secret not in gateway.log, gateway.log


def until(reached: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Wait for a condition that nobody tells us about."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "never reached"
        time.sleep(0.02)


def copy_of(prepared: Path, to: Path) -> Path:
    return Path(shutil.copytree(prepared, to))
