"""Claude Code works through the gateway: files appear, and it never complains."""

from __future__ import annotations

import pytest

from simulator.control import Control
from tests.asked import states
from tests.claude_code.actions import assert_poem_written, bash, edit, poem, read, write
from tests.claude_code.client import ClaudeCode
from tests.directive import directive, say
from tests.processes import Gateway

pytestmark = pytest.mark.real_client


def test_a_task_with_several_tools_is_done(claude: ClaudeCode):
    run = claude.run(poem(claude.workspace))
    run.assert_good()
    assert_poem_written(claude.workspace)
    assert run.result["result"] == "The poem is written."
    assert run.tools_called() == ["Write", "Read", "Edit", "Bash"]
    assert not any(run.failures())


def test_a_base_url_that_ends_in_v1_works(claude: ClaudeCode):
    claude.base_path = "/v1"
    run = claude.run(poem(claude.workspace))
    run.assert_good()
    assert_poem_written(claude.workspace)


def test_several_files_are_written_and_edited_by_parallel_tools(claude: ClaudeCode):
    names = [f"part-{number}.txt" for number in range(5)]
    files = [claude.workspace / name for name in names]
    run = claude.run(
        "Write five files."
        + directive(
            [say("All at once."), *(write(file, f"{file.name}\n") for file in files)],
            [bash("cat part-*.txt"), *(read(file) for file in files)],
            [edit(file, "part", "edited part") for file in files],
            [say("Five files.")],
        )
    )
    run.assert_good()
    assert [file.read_text() for file in files] == [
        f"edited {name}\n" for name in names
    ]
    assert len(run.blocks("tool_use")) == 16
    assert not any(run.failures())


def test_a_long_tool_input_of_odd_characters_arrives_whole(claude: ClaudeCode):
    file = claude.workspace / "long.txt"
    text = "".join(
        f'{number}: "quoted" \\ tab\t Grüße, 世界! 🌍\n' for number in range(1500)
    )
    run = claude.run(directive([write(file, text)], [say("Written.")]))
    run.assert_good()
    assert file.read_text() == text


def test_a_tool_that_fails_is_told_and_the_task_goes_on(claude: ClaudeCode):
    file = claude.workspace / "new.txt"
    run = claude.run(
        directive(
            [read(claude.workspace / "missing.txt"), bash("exit 3")],
            [write(file, "after all\n")],
            [say("Done.")],
        )
    )
    run.assert_good()
    assert run.failures() == [True, True, False]
    assert file.read_text() == "after all\n"


def test_a_conversation_is_resumed(claude: ClaudeCode, upstream: Control):
    file = claude.workspace / "notes.txt"
    first = claude.run(directive([write(file, "one\n")], [say("Noted.")]))
    first.assert_good()
    second = claude.run(
        directive([read(file), edit(file, "one", "two")], [say("Changed.")]),
        "--resume",
        first.session,
    )
    second.assert_good()
    assert file.read_text() == "two\n"
    assert len(states(upstream)[-1]["history"]) >= 6


def test_context_counts_its_tokens(claude: ClaudeCode, gateway: Gateway):
    logged = len(gateway.log)
    run = claude.run("/context")
    assert run.status == 0
    assert run.result["is_error"] is False
    said = gateway.log[logged:]
    counted = said.count("POST /v1/messages/count_tokens ")
    assert counted >= 5
    assert counted == said.count("POST /v1/messages/count_tokens 200")
