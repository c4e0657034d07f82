"""The gateway as people run it: processes, ports, a data folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MANAGE = str(ROOT / "manage.py")
KEY = "sk-kiro-for-the-tests-only-0123456789"
SECONDS = 60


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
        "ADMIN_PASSWORD": "correct horse battery",
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "default",
        **settings,
    }


def upstream_settings(url: str) -> dict[str, str]:
    names = ("KIRO_API_URL", "KIRO_CONTROL_URL", "KIRO_AUTH_URL", "KIRO_OIDC_URL")
    return dict.fromkeys(names, url)


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

    def start(self) -> Gateway:
        with self.log_file.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, MANAGE, "serve"],
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


def copy_of(prepared: Path, to: Path) -> Path:
    return Path(shutil.copytree(prepared, to))
