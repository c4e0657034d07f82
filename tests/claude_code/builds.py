"""The builds of Claude Code that are driven: how each is installed and started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.installing import CLIENTS, NODE, install, npm


@dataclass(frozen=True, slots=True)
class Build:
    version: str
    program: str
    """Where npm puts it: a pattern that fits one file."""
    interpreter: tuple[str, ...] = ()
    defers_tools: bool = False
    """It offers the rarer tools only once its ToolSearch has found them."""

    def __str__(self) -> str:
        return self.version

    @property
    def package(self) -> str:
        return f"@anthropic-ai/claude-code@{self.version}"

    @property
    def folder(self) -> Path:
        return CLIENTS / f"claude-code-{self.version}"

    def command(self) -> list[str]:
        (program,) = (self.folder / "node_modules" / "@anthropic-ai").glob(self.program)
        return [*self.interpreter, str(program)]

    def install(self) -> None:
        install(self.folder, npm("install", self.folder, self.package))


# The last one in JavaScript, and the newest, which has a runtime of its own and lies
# in the package of its platform.
JAVASCRIPT = Build("2.1.112", "claude-code/cli.js", (NODE,))
NATIVE = Build("2.1.330", "claude-code-*/claude", defers_tools=True)
