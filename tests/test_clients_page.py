"""docs/clients.md: its lines work as they stand, and it claims what the tests do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import resolve

from tests.claude_code.builds import JAVASCRIPT, NATIVE, Build
from tests.clients import codex
from tests.clients.environments import python
from tests.installing import CLIENTS, NODE, install, npm, npm_ci
from tests.processes import ROOT, SECONDS, Gateway
from tests.sdks.anthropic import programs
from tests.sdks.openai import sdks

PAGE = ROOT / "docs" / "clients.md"
TEXT = PAGE.read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8080"
KEY = "your-client-key"

SECTIONS = {
    section.split("\n", 1)[0]: section
    for section in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
}
CLIENTS_WANTED = [
    "Claude Code",
    "Codex CLI",
    "Anthropic SDK, Python",
    "Anthropic SDK, Node",
    "OpenAI SDK, Python",
    "OpenAI SDK, Node",
    "Vercel AI SDK",
    "LiteLLM",
    "LangChain",
    "Cline",
    "OpenCode",
    "aider",
    "llm",
    "Cursor",
]
MARK = re.compile(
    r"\*\*Tested\*\*: (.+?), in \[.+?\]\((.+?)\), pinned in \[.+?\]\((.+?)\)\."
)
CLAIMS = [
    (title, *mark)
    for title, section in SECTIONS.items()
    for mark in MARK.findall(" ".join(section.split()))
]


def blocks(title: str, language: str) -> list[str]:
    pattern = rf"^```{language}\n(.*?)^```"
    return re.findall(pattern, SECTIONS[title], re.MULTILINE | re.DOTALL)


def test_every_client_has_its_section():
    assert list(SECTIONS) == CLIENTS_WANTED


def test_a_section_is_marked_as_tested_or_says_nothing_of_it():
    marks = sum(section.count("**Tested**") for section in SECTIONS.values())
    assert len(CLAIMS) == marks > 0


@pytest.mark.parametrize(("title", "versions", "test", "pin"), CLAIMS)
def test_a_mark_names_a_test_and_the_version_that_is_pinned(
    title: str, versions: str, test: str, pin: str
):
    assert (PAGE.parent / test).is_file()
    pins = (PAGE.parent / pin).read_text()
    claimed = re.findall(r"(\S+) (\d+\.\d+\.\d+)", versions)
    assert claimed
    for package, version in claimed:
        line = {
            ".txt": rf"^{package}=={re.escape(version)}( |$)",
            ".json": rf'"{package}": "{re.escape(version)}"',
            ".py": rf'"{re.escape(version)}"',
        }[Path(pin).suffix]
        assert re.search(line, pins, re.MULTILINE), (package, version)


def test_every_path_that_is_named_is_served():
    named = re.findall(r"`(?:GET|POST|DELETE) (/[^`]+)`", TEXT)
    assert len(set(named)) >= 5
    for path in set(named):
        assert "<path:" not in resolve(path).route, path


def test_every_section_names_its_endpoint():
    for title, section in SECTIONS.items():
        assert re.search(r"^Endpoints?: `POST /v1/", section, re.MULTILINE), title


def at(gateway: Gateway, lines: str) -> str:
    assert ADDRESS in lines
    return lines.replace(ADDRESS, gateway.url).replace(KEY, gateway.key)


def run(command: list[str], folder: Path, **more: str) -> str:
    """What it prints, in an environment with nothing of ours."""
    done = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **more},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


INTERPRETERS: dict[str, Callable[[], str]] = {
    "Anthropic SDK, Python": lambda: sys.executable,
    "OpenAI SDK, Python": lambda: sys.executable,
    "LiteLLM": lambda: python("litellm"),
    "LangChain": lambda: python("langchain"),
}


@pytest.mark.real_client
@pytest.mark.parametrize("title", INTERPRETERS)
def test_the_python_lines_get_an_answer(title: str, gateway: Gateway, tmp_path: Path):
    written = blocks(title, "python")
    assert written
    for lines in written:
        command = [INTERPRETERS[title](), "-W", "ignore", "-c", at(gateway, lines)]
        offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        assert run(command, tmp_path, **offline) == "You said: Hello\n"


def anthropic_node() -> Path:
    folder = CLIENTS / f"anthropic-typescript-{programs.TYPESCRIPT}"
    npm_ci(folder, programs.HERE)
    return folder


def openai_node() -> Path:
    (sdk,) = [sdk for sdk in sdks.SDKS if sdk.run is sdks.node]
    folder = CLIENTS / f"openai-node-{sdk.version}"
    install(folder, npm("install", folder, f"openai@{sdk.version}", sdks.ZOD))
    return folder


def ai_sdk() -> Path:
    source = ROOT / "tests" / "clients" / "ai_sdk"
    pins = json.loads((source / "package.json").read_text())
    folder = CLIENTS / f"ai-sdk-{pins['dependencies']['ai']}"
    npm_ci(folder, source)
    return folder


PACKAGES = {
    "Anthropic SDK, Node": anthropic_node,
    "OpenAI SDK, Node": openai_node,
    "Vercel AI SDK": ai_sdk,
}


@pytest.mark.real_client
@pytest.mark.parametrize("title", PACKAGES)
def test_the_node_lines_get_an_answer(title: str, gateway: Gateway, tmp_path: Path):
    written = blocks(title, "js")
    assert written
    (tmp_path / "node_modules").symlink_to(PACKAGES[title]() / "node_modules")
    for lines in written:
        program = tmp_path / "program.mjs"
        program.write_text(at(gateway, lines))
        assert run([NODE, str(program)], tmp_path) == "You said: Hello\n"


@pytest.mark.real_client
@pytest.mark.parametrize("build", [JAVASCRIPT, NATIVE], ids=str)
def test_the_lines_for_claude_code_get_an_answer(
    build: Build, gateway: Gateway, tmp_path: Path
):
    (lines,) = blocks("Claude Code", "bash")
    build.install()
    # As the command `claude`, which would want a terminal without `-p`.
    command = " ".join(build.command())
    shown = f'claude() {{ {command} -p Hello "$@"; }}\n{at(gateway, lines)}'
    said = run(["bash", "-euc", shown], tmp_path)
    assert "Hello" in said


def test_the_lines_for_codex_are_those_of_its_tests():
    (lines,) = blocks("Codex CLI", "toml")
    told: dict[str, Any] = tomllib.loads(lines)
    used = tomllib.loads(codex.CONFIGURATION.format(model=codex.MODEL, url=ADDRESS))
    assert {name: used[name] for name in told} == told
