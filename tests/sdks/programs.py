"""SDKs that cannot be imported here: how they are installed, run and spoken to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.installing import CLIENTS, NODE, install, npm_ci
from tests.processes import SECONDS, Gateway

HERE = Path(__file__).parent
OLD_PYTHON = "0.125.0"
TYPESCRIPT = "1.12.0"


@dataclass
class Driver:
    """A running one of the drive*.py and drive*.mjs: requests in, outcomes out, by
    lines."""

    process: subprocess.Popen[str]
    version: str = ""

    def play(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        told = self.read()
        assert "crash" not in told, told["crash"]
        return told

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the driver ended with {self.process.wait(SECONDS)}"
        told: dict[str, Any] = json.loads(line)
        return told


@contextmanager
def driver(command: list[str], folder: Path, gateway: Gateway) -> Iterator[Driver]:
    process = subprocess.Popen(
        command,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "GATEWAY_URL": gateway.url,
            "GATEWAY_KEY": gateway.key,
        },
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:  # which closes its input: then it ends by itself
        running = Driver(process)
        running.version = running.read()["version"]
        yield running
    assert process.returncode == 0


def python_environment(name: str, requirements: Path, *packages: str) -> Path:
    """A virtual environment with these packages and what is required besides."""
    folder = CLIENTS / "{}-on-{}.{}".format(name, *sys.version_info)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install"]
    install(
        folder,
        [sys.executable, "-m", "venv", str(folder)],
        [*pip, "-r", str(requirements), *packages],
    )
    return folder


@contextmanager
def old_python(gateway: Gateway) -> Iterator[Driver]:
    folder = python_environment(
        f"anthropic-python-{OLD_PYTHON}", HERE / "requirements.txt"
    )
    command = [str(folder / "bin" / "python"), str(HERE / "drive_python.py")]
    with driver(command, folder, gateway) as running:
        yield running


@contextmanager
def typescript(gateway: Gateway) -> Iterator[Driver]:
    folder = CLIENTS / f"anthropic-typescript-{TYPESCRIPT}"
    npm_ci(folder, HERE)
    command = [NODE, str(HERE / "drive_typescript.mjs")]
    with driver(command, folder, gateway) as running:
        yield running
