"""The real Claude Code, headless: how it is run, and what it says."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.claude_code.builds import Build
from tests.processes import Gateway

Json = dict[str, Any]

MODEL = "claude-sonnet-4-20250514"
RUN_SECONDS = 120


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

    def tools_called(self) -> list[str]:
        return [block["name"] for block in self.blocks("tool_use")]

    def failures(self) -> list[bool]:
        """Of the tool results, in order."""
        return [bool(block.get("is_error")) for block in self.blocks("tool_result")]

    def told(self, subtype: str) -> list[Json]:
        """What it tells about itself."""
        return [event for event in self.events if event.get("subtype") == subtype]

    def assert_good(self, repeats: int = 0) -> None:
        """The client found nothing wrong, and sent a request again only so often.
        `subtype` would prove nothing."""
        assert self.status == 0, (self.errors, self.events[-2:])
        assert self.result["type"] == "result"
        assert self.result["is_error"] is False, self.result
        assert self.result["usage"]["input_tokens"] > 0
        assert self.result["usage"]["output_tokens"] > 0
        repeated = self.told("api_retry")
        assert len(repeated) == repeats, repeated
        assert not [
            event
            for event in self.events
            if event.get("error") and event not in repeated
        ]
        asked = [block["id"] for block in self.blocks("tool_use")]
        answered = [block["tool_use_id"] for block in self.blocks("tool_result")]
        assert sorted(asked) == sorted(answered)
        assert len(set(asked)) == len(asked)


@dataclass
class ClaudeCode:
    """In a workspace of its own, with nobody's settings."""

    build: Build
    gateway: Gateway
    home: Path
    workspace: Path
    base_path: str = ""
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, prompt: str, *options: str, model: str = MODEL) -> Run:
        # On a pipe it loses the end of a long output.
        output = self.home / "out.jsonl"
        command = [*self.build.command(), "-p", prompt, "--model", model]
        command += ["--output-format", "stream-json", "--verbose"]
        command += ["--dangerously-skip-permissions", *options]
        with output.open("wb") as file:
            done = subprocess.run(
                command,
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
