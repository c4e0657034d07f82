"""Fixtures for tests that drive Claude Code, in each build unless a test says which."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.claude_code.builds import JAVASCRIPT, NATIVE, Build
from tests.claude_code.client import ClaudeCode
from tests.processes import Gateway


@pytest.fixture(params=[JAVASCRIPT, NATIVE], ids=str)
def build(request: pytest.FixtureRequest) -> Build:
    build: Build = request.param
    return build


@pytest.fixture
def claude(build: Build, gateway: Gateway, tmp_path: Path) -> ClaudeCode:
    build.install()
    home, workspace = tmp_path / "home", tmp_path / "workspace"
    home.mkdir()
    workspace.mkdir()
    return ClaudeCode(build, gateway, home, workspace)
