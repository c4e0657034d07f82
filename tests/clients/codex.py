"""The real Codex CLI, headless: how it is installed, configured and run."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.installing import CLIENTS, install, npm
from tests.processes import Gateway

Json = dict[str, Any]

VERSION = "0.169.0"
FOLDER = CLIENTS / f"codex-{VERSION}"
# The package of the platform holds it.
PROGRAM = "node_modules/@openai/codex-*/vendor/*/bin/codex"

MODEL = "claude-sonnet-4-20250514"
RUN_SECONDS = 120

CONFIGURATION = """\
model = "{model}"
model_provider = "kiro2api"
model_context_window = 200000
check_for_update_on_startup = false

[model_providers.kiro2api]
name = "kiro2api"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "KIRO2API_KEY"

[analytics]
enabled = false

[feedback]
enabled = false
"""

# What it must be told of a model to offer all of its tools for it.
CATALOGUE = {
    "models": [
        {
            "slug": MODEL,
            "display_name": "Claude Sonnet 4",
            "base_instructions": "You are a coding agent in Codex CLI, in a terminal.",
            "context_window": 200_000,
            "truncation_policy": {"mode": "tokens", "limit": 10_000},
            "shell_type": "unified_exec",
            "apply_patch_tool_type": "freeform",
            "supports_parallel_tool_calls": True,
            "support_verbosity": False,
            "supported_reasoning_levels": [
                {"effort": effort, "description": effort}
                for effort in ("low", "medium", "high")
            ],
            "experimental_supported_tools": [],
            "visibility": "list",
            "supported_in_api": True,
            "priority": 0,
        }
    ]
}


@dataclass
class Run:
    """What one run printed, event by event."""

    status: int
    events: list[Json]

    @property
    def session(self) -> str:
        session: str = self.events[0]["thread_id"]
        return session

    @property
    def usage(self) -> Json:
        assert self.events[-1]["type"] == "turn.completed", self.events
        usage: Json = self.events[-1]["usage"]
        return usage

    @property
    def answer(self) -> str:
        """The last thing it said."""
        text: str = self.items("agent_message")[-1]["text"]
        return text

    def items(self, kind: str) -> list[Json]:
        """Those of a type that were completed, in order."""
        items = (
            event["item"] for event in self.events if event["type"] == "item.completed"
        )
        return [item for item in items if item["type"] == kind]

    def errors(self) -> list[str]:
        """What it told of a turn, repetitions included."""
        return [event["message"] for event in self.events if event["type"] == "error"]

    def assert_good(self) -> None:
        """The client found nothing wrong, and sent no request again."""
        assert self.status == 0, self.events
        assert self.errors() == []
        assert self.usage["input_tokens"] > 0
        assert self.usage["output_tokens"] > 0


@dataclass
class Codex:
    """In a workspace of its own, with a configuration of its own."""

    gateway: Gateway
    home: Path
    workspace: Path
    model: str = MODEL
    configuration: list[str] = field(default_factory=list)
    """Lines that go before the others."""

    def learn_model(self) -> None:
        file = self.home / "models.json"
        file.write_text(json.dumps(CATALOGUE))
        self.configuration.append(f'model_catalog_json = "{file}"')

    def run(self, prompt: str, *options: str, resume: bool = False) -> Run:
        written = CONFIGURATION.format(model=self.model, url=self.gateway.url)
        lines = [*self.configuration, written]
        (self.home / "config.toml").write_text("\n".join(lines))
        (program,) = FOLDER.glob(PROGRAM)
        command = [str(program), "exec", *(["resume", "--last"] if resume else [])]
        command += ["--json", "--strict-config", "--skip-git-repo-check"]
        command += ["--dangerously-bypass-approvals-and-sandbox", *options, "--"]
        output = self.home / "out.jsonl"
        with output.open("wb") as file:
            done = subprocess.run(
                [*command, prompt],
                env=self._environment(),
                cwd=self.workspace,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.PIPE,
                text=True,
                timeout=RUN_SECONDS,
            )
        lines = output.read_text().splitlines()
        assert lines, done.stderr
        return Run(done.returncode, [json.loads(line) for line in lines])

    def _environment(self) -> dict[str, str]:
        temporary = self.home / "temporary"  # it refuses to live in one of those
        temporary.mkdir(exist_ok=True)
        nowhere = "http://127.0.0.1:9"
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "CODEX_HOME": str(self.home),
            "TMPDIR": str(temporary),
            "KIRO2API_KEY": self.gateway.key,
            "HTTP_PROXY": nowhere,
            "HTTPS_PROXY": nowhere,
            "NO_PROXY": "127.0.0.1",
        }


def install_codex() -> None:
    install(FOLDER, npm("install", FOLDER, f"@openai/codex@{VERSION}"))
