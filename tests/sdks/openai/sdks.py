"""The versions of the OpenAI SDK that are driven: how each is installed and run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.drivers import Driver, driver
from tests.installing import CLIENTS, NODE, install, npm, python_environment
from tests.processes import Gateway

HERE = Path(__file__).parent
# The SDK's helpers for structured output read schemas of this package. Neither of
# the two depends on another.
ZOD = "zod@4.6.7"


@contextmanager
def python(version: str, gateway: Gateway) -> Iterator[Driver]:
    name, package = f"openai-python-{version}", f"openai=={version}"
    folder = python_environment(name, HERE / "requirements.txt", package)
    command = [str(folder / "bin" / "python"), str(HERE / "drive.py")]
    with driver(command, folder, gateway) as running:
        yield running


@contextmanager
def node(version: str, gateway: Gateway) -> Iterator[Driver]:
    folder = CLIENTS / f"openai-node-{version}"
    install(folder, npm("install", folder, f"openai@{version}", ZOD))
    with driver([NODE, str(HERE / "drive.mjs")], folder, gateway) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Sdk:
    run: Callable[[str, Gateway], AbstractContextManager[Driver]]
    version: str

    def __str__(self) -> str:
        return f"{self.run.__name__}-{self.version}"

    def driver(self, gateway: Gateway) -> AbstractContextManager[Driver]:
        return self.run(self.version, gateway)


# The oldest one for Python that reads all streams of Responses (those before take
# events for others where the API has added a member since), and the newest for Node.
# A further version is a further row.
SDKS = [Sdk(python, "1.66.5"), Sdk(node, "7.57.0")]
