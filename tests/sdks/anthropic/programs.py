"""The SDKs of Anthropic that cannot be imported here: how each is started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.drivers import Driver, driver
from tests.installing import CLIENTS, NODE, npm_ci, python_environment
from tests.processes import Gateway

HERE = Path(__file__).parent
OLD_PYTHON = "0.125.0"
TYPESCRIPT = "1.12.0"


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
