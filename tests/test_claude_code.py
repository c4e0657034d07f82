"""Claude Code works through the gateway: files appear, and it never complains."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from simulator.control import Control
from tests import claude_code
from tests.claude_code import ClaudeCode, directive
from tests.pictures import PNG
from tests.processes import Gateway

pytestmark = pytest.mark.real_client


@pytest.fixture(scope="session")
def installed() -> None:
    claude_code.install()


@pytest.fixture
def claude(installed: None, gateway: Gateway, tmp_path: Path) -> ClaudeCode:
    home, workspace = tmp_path / "home", tmp_path / "workspace"
    home.mkdir()
    workspace.mkdir()
    return ClaudeCode(gateway, home, workspace)


def write(path: Path, text: str) -> dict[str, object]:
    return {"tool": "Write", "input": {"file_path": str(path), "content": text}}


def read(path: Path) -> dict[str, object]:
    return {"tool": "Read", "input": {"file_path": str(path)}}


def edit(path: Path, old: str, new: str) -> dict[str, object]:
    change = {"file_path": str(path), "old_string": old, "new_string": new}
    return {"tool": "Edit", "input": change}


def bash(command: str) -> dict[str, object]:
    return {"tool": "Bash", "input": {"command": command, "description": "a test"}}


def task(workspace: Path) -> str:
    """Write, read, edit and look: one tool after the other."""
    file = workspace / "poem.txt"
    return "Write a poem. " + directive(
        [{"text": "I will."}, write(file, "roses are red\n")],
        [read(file)],
        [edit(file, "red", "blue")],
        [bash(f"cat {file} > seen.txt && echo done")],
        [{"text": "The poem is written."}],
    )


def assert_task_done(workspace: Path) -> None:
    assert (workspace / "poem.txt").read_text() == "roses are blue\n"
    assert (workspace / "seen.txt").read_text() == "roses are blue\n"


def test_a_task_with_several_tools_is_done(claude: ClaudeCode, upstream: Control):
    run = claude.run(task(claude.workspace))
    run.assert_good()
    assert_task_done(claude.workspace)
    assert run.result["result"] == "The poem is written."
    names = [block["name"] for block in run.blocks("tool_use")]
    assert names == ["Write", "Read", "Edit", "Bash"]
    assert not any(block.get("is_error") for block in run.blocks("tool_result"))


def test_a_base_url_that_ends_in_v1_works(claude: ClaudeCode):
    claude.base_path = "/v1"
    run = claude.run(task(claude.workspace))
    run.assert_good()
    assert_task_done(claude.workspace)


def test_several_tools_in_one_turn_are_all_run(claude: ClaudeCode):
    names = [f"part-{number}.txt" for number in range(5)]
    files = [claude.workspace / name for name in names]
    run = claude.run(
        "Write five files."
        + directive(
            [write(file, f"I am {file.name}\n") for file in files],
            [bash("cat part-*.txt"), read(files[0]), read(files[4])],
            [{"text": "Five files."}],
        )
    )
    run.assert_good()
    assert [file.read_text() for file in files] == [f"I am {name}\n" for name in names]
    assert len(run.blocks("tool_use")) == 8


def test_a_long_tool_input_of_odd_characters_arrives_whole(claude: ClaudeCode):
    file = claude.workspace / "long.txt"
    text = "".join(
        f'{number}: "quoted" \\ tab\t Grüße, 世界! 🌍\n' for number in range(1500)
    )
    run = claude.run(directive([write(file, text)], [{"text": "Written."}]))
    run.assert_good()
    assert file.read_text() == text


def test_an_image_that_it_reads_reaches_upstream(claude: ClaudeCode, upstream: Control):
    picture = claude.workspace / "picture.png"
    picture.write_bytes(PNG)
    run = claude.run(directive([read(picture)], [{"text": "A square."}]))
    run.assert_good()
    state = upstream.requests("GenerateAssistantResponse")[-1]["body"][
        "conversationState"
    ]
    images = state["currentMessage"]["userInputMessage"]["images"]
    assert [image["format"] for image in images] == ["png"]


def test_a_tool_that_fails_is_told_and_the_task_goes_on(claude: ClaudeCode):
    file = claude.workspace / "new.txt"
    run = claude.run(
        directive(
            [read(claude.workspace / "missing.txt"), bash("exit 3")],
            [write(file, "after all\n")],
            [{"text": "Done."}],
        )
    )
    run.assert_good()
    failed = [bool(block.get("is_error")) for block in run.blocks("tool_result")]
    assert failed == [True, True, False]
    assert file.read_text() == "after all\n"


def test_a_conversation_is_resumed(claude: ClaudeCode, upstream: Control):
    file = claude.workspace / "notes.txt"
    first = claude.run(directive([write(file, "one\n")], [{"text": "Noted."}]))
    first.assert_good()
    second = claude.run(
        directive([read(file), edit(file, "one", "two")], [{"text": "Changed."}]),
        "--resume",
        first.session,
    )
    second.assert_good()
    assert file.read_text() == "two\n"
    state = upstream.requests("GenerateAssistantResponse")[-1]["body"][
        "conversationState"
    ]
    assert len(state["history"]) >= 6


def test_context_counts_its_tokens(claude: ClaudeCode, gateway: Gateway):
    logged = len(gateway.log)
    run = claude.run("/context")
    assert run.status == 0
    assert run.result["is_error"] is False
    said = gateway.log[logged:]
    counted = said.count("POST /v1/messages/count_tokens ")
    assert counted >= 5
    assert counted == said.count("POST /v1/messages/count_tokens 200")


# Trouble upstream


def test_it_does_not_notice_a_throttled_account(claude: ClaudeCode, upstream: Control):
    upstream.update_account("first", throttle={"fault": "user_rate", "times": 1})
    run = claude.run(task(claude.workspace))
    run.assert_good()
    assert_task_done(claude.workspace)
    refused = [call["status"] for call in upstream.requests(account="first")]
    assert 429 in refused


@pytest.mark.parametrize(
    "trouble",
    [{"state": "suspended"}, {"credits_used": 1000.0}],
    ids=["suspended", "out of credits"],
)
def test_it_does_not_notice_that_an_account_dies_in_the_middle_of_a_task(
    claude: ClaudeCode, upstream: Control, trouble: dict[str, object]
):
    """While its second answer is still held at a gate."""
    file = claude.workspace / "diary.txt"
    prompt = directive(
        [write(file, "monday\n")],
        [{"text": "A moment. "}, {"gate": "trouble"}, bash("echo still here")],
        [edit(file, "monday", "tuesday")],
        [{"text": "Written."}],
    )
    with ThreadPoolExecutor(1) as beside:
        running = beside.submit(claude.run, prompt)
        upstream.wait_for_gate("trouble", timeout=60)
        upstream.update_account("first", **trouble)
        upstream.open_gate("trouble")
        run = running.result()
    run.assert_good()
    assert file.read_text() == "tuesday\n"
    assert account_of_answers(upstream) == ["first", "first", "second", "second"]


def account_of_answers(upstream: Control) -> list[str]:
    calls = upstream.requests("GenerateAssistantResponse")
    return [call["account"] for call in calls if call["status"] == 200]


def test_that_the_pool_is_out_of_credits_is_shown_at_once(
    claude: ClaudeCode, upstream: Control
):
    for name in ("first", "second", "third"):
        upstream.update_account(name, credits_used=10_000.0)
    run = claude.run("Hello")
    assert run.status == 1
    assert run.result["is_error"] is True
    assert "out of credits until" in run.result["result"]
    assert upstream.calls() == 3  # each account once, and no retry


def test_that_a_prompt_is_too_long_is_understood(claude: ClaudeCode, upstream: Control):
    upstream.enqueue("input_too_long")
    run = claude.run("Hello")
    assert run.result["is_error"] is True
    assert run.result["result"] == "Prompt is too long"
