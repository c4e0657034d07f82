"""A tool call that the upstream cuts off is never run, and is made again whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulator.control import Control
from tests.claude_code.actions import write
from tests.claude_code.builds import JAVASCRIPT, NATIVE
from tests.claude_code.client import ClaudeCode, Run
from tests.directive import Json, directive, say

pytestmark = pytest.mark.real_client

INTERNAL = {"exception": "error", "message": "Internal server error"}


def cut(file: Path, *before: Json, after: tuple[Json, ...] = (), **end: Any) -> Json:
    """An answer that ends within the input of a Write."""
    whole = json.dumps({"file_path": str(file), "content": "never written" * 20})
    half = {"tool": "Write", "fragments": [whole[:-40]], "stop": False}
    return {"steps": [*before, half, *after], **end}


def assert_written_once(run: Run, file: Path) -> None:
    run.assert_good()
    assert run.tools_called() == ["Write"]
    assert run.failures() == [False]
    assert file.read_text() == "whole\n"


@pytest.mark.parametrize(
    "tail", [{"stop_reason": "MAX_TOKENS"}, False], ids=["token limit", "no ending"]
)
def test_it_goes_on_after_a_call_cut_by_a_clean_end(
    claude: ClaudeCode, upstream: Control, tail: Json | bool
):
    file = claude.workspace / "file.txt"
    upstream.enqueue(cut(file, say("I write."), tail=tail))
    cut_off = [say("What was said instead.")]
    run = claude.run(directive(cut_off, [write(file, "whole\n")], [say("Written.")]))
    assert_written_once(run, file)


BREAKS: dict[str, Json] = {
    "closed": {"end": "close"},
    "reset": {"after": ({"wait": 0.05},), "end": "reset"},
    "exception": {"after": (INTERNAL,)},
}


@pytest.mark.parametrize("broken", BREAKS.values(), ids=list(BREAKS))
@pytest.mark.parametrize("build", [NATIVE], ids=str)
def test_it_goes_on_after_a_call_that_broke_off(
    claude: ClaudeCode, upstream: Control, broken: Json
):
    file = claude.workspace / "file.txt"
    upstream.enqueue(cut(file, say("I write."), **broken))
    cut_off = [say("What was said instead.")]
    run = claude.run(directive(cut_off, [write(file, "whole\n")], [say("Written.")]))
    assert_written_once(run, file)


@pytest.mark.parametrize("broken", BREAKS.values(), ids=list(BREAKS))
@pytest.mark.parametrize("build", [JAVASCRIPT], ids=str)
def test_it_says_that_a_call_broke_off(
    claude: ClaudeCode, upstream: Control, broken: Json
):
    """This build never goes on after an error, but it must not run half a call."""
    file = claude.workspace / "file.txt"
    upstream.enqueue(cut(file, say("I write."), **broken))
    run = claude.run("Write. " + directive([say("Never asked.")]))
    assert run.status == 1
    assert run.result["is_error"] is True
    assert "API Error" in run.result["result"]
    assert run.tools_called() == []
    assert not file.exists()


def test_it_asks_again_after_a_call_that_broke_off_at_the_very_start(
    claude: ClaudeCode, upstream: Control
):
    file = claude.workspace / "file.txt"
    upstream.enqueue(cut(file, end="close"))
    run = claude.run(directive([write(file, "whole\n")], [say("Written.")]))
    assert_written_once(run, file)
