"""Claude Code sums a conversation up in time, and goes on with its work."""

from __future__ import annotations

import pytest

from simulator.control import Control
from tests.claude_code.actions import edit, read, write
from tests.claude_code.builds import NATIVE
from tests.claude_code.client import ClaudeCode
from tests.directive import Json, directive, say

pytestmark = pytest.mark.real_client

WINDOW = 200_000
NEARLY_FULL = 180_000


def first_file(claude: ClaudeCode) -> Json:
    return write(claude.workspace / "first.txt", "one\n")


def summary(claude: ClaudeCode) -> Json:
    """It says what is left to do, as any good summary."""
    left = directive(
        [write(claude.workspace / "second.txt", "two\n")], [say("Both are written.")]
    )
    text = f"<summary>\nThe first file is written. {left}\n</summary>"
    return {"steps": [{"text": [text]}]}


def assert_compacted_and_done(claude: ClaudeCode) -> Json:
    """What the client tells about the compaction."""
    run = claude.run("Write two files.")
    run.assert_good()
    assert run.result["result"] == "Both are written."
    assert (claude.workspace / "first.txt").read_text() == "one\n"
    assert (claude.workspace / "second.txt").read_text() == "two\n"
    (boundary,) = run.told("compact_boundary")
    compaction: Json = boundary["compact_metadata"]
    assert compaction["trigger"] == "auto"
    return compaction


def test_it_compacts_when_usage_nears_the_window(claude: ClaudeCode, upstream: Control):
    # The native build goes by usage only if told to.
    claude.settings["CLAUDE_CODE_AUTO_COMPACT_WINDOW"] = str(WINDOW)
    usage = {"input": NEARLY_FULL, "output": 50}
    upstream.enqueue(
        {"steps": [first_file(claude)], "tail": {"usage": usage}}, summary(claude)
    )
    compaction = assert_compacted_and_done(claude)
    assert NEARLY_FULL < compaction["pre_tokens"] < WINDOW


@pytest.mark.parametrize("build", [NATIVE], ids=str)
def test_it_compacts_when_the_upstream_finds_the_input_too_long(
    claude: ClaudeCode, upstream: Control
):
    upstream.enqueue({"steps": [first_file(claude)]}, "input_too_long", summary(claude))
    assert_compacted_and_done(claude)


def test_it_compacts_when_it_is_told_to(claude: ClaudeCode):
    file = claude.workspace / "notes.txt"
    first = claude.run(directive([write(file, "one\n")], [say("Noted.")]))
    first.assert_good()
    compacting = claude.run("/compact", "--resume", first.session)
    assert compacting.result["is_error"] is False
    assert len(compacting.told("compact_boundary")) == 1
    then = claude.run(
        directive([read(file)], [edit(file, "one", "two")], [say("Changed.")]),
        "--resume",
        compacting.session,
    )
    then.assert_good()
    assert file.read_text() == "two\n"
