"""supervisord with the project's own configuration, on a port of a test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import image
from tests.processes import ROOT, SECONDS, until

CONFIGURATION = "supervisord.conf"


@dataclass(frozen=True)
class Supervised:
    """A project folder as somebody has checked it out, prepared and serving."""

    folder: Path
    port: int
    env: dict[str, str]
    process: subprocess.Popen[bytes]

    def control(self, *words: str) -> str:
        command = [".venv/bin/supervisorctl", "-c", f"deploy/{CONFIGURATION}", *words]
        return self._run(command)

    def is_up(self) -> bool:
        command = [".venv/bin/supervisorctl", "-c", f"deploy/{CONFIGURATION}", "status"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True
        )
        # It says 3 while one of them is not running.
        return done.returncode == 0

    def rolling_restart(self) -> str:
        return self._run(["deploy/rolling-restart"])

    def pids(self) -> dict[str, int]:
        """Of those that run, by their names."""
        lines = [line.split() for line in self.control("avail").splitlines()]
        names = [words[0] for words in lines]
        return {name: int(self.control("pid", name)) for name in names}

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=2 * SECONDS,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def logs(self) -> str:
        files = sorted((self.folder / "var").glob("*.log"))
        return "\n".join(file.read_text(errors="replace") for file in files)


@contextmanager
def supervised(folder: Path, port: int, env: Mapping[str, str]) -> Iterator[Supervised]:
    image.copy_files(folder)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "var").mkdir()
    text = (ROOT / "deploy" / CONFIGURATION).read_text()
    assert text.count(":8080") == 1
    text = text.replace(":8080", f":{port}")
    (folder / "deploy" / CONFIGURATION).write_text(text)
    restart = folder / "deploy" / "rolling-restart"
    restart.write_bytes((ROOT / "deploy" / "rolling-restart").read_bytes())
    restart.chmod(0o755)
    settings = {"PATH": os.environ["PATH"], **env}
    process = subprocess.Popen(
        [".venv/bin/supervisord", "-c", f"deploy/{CONFIGURATION}"],
        cwd=folder,
        env=settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until((folder / "var" / "supervisor.sock").exists)
        yield Supervised(folder, port, settings, process)
    finally:
        process.terminate()
        process.wait(2 * SECONDS)
