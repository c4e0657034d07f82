"""Clients that cannot be imported here: how they are run and spoken to."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.processes import SECONDS, Gateway


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
