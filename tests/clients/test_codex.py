"""Codex works through the gateway, by the Responses API."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from simulator.control import Control
from tests import mcp_server
from tests.asked import current, states, tool_names
from tests.clients.codex import Codex, Run, install_codex
from tests.conftest import ACCOUNTS
from tests.directive import Json, call, directive, say
from tests.pictures import PNG
from tests.processes import Gateway

pytestmark = pytest.mark.real_client

# A model of the service that Codex knows too, and drives by programs.
KNOWN_MODEL = "gpt-5.6-sol"


@pytest.fixture
def codex(gateway: Gateway, tmp_path: Path) -> Codex:
    install_codex()
    home, workspace = tmp_path / "home", tmp_path / "workspace"
    home.mkdir()
    workspace.mkdir()
    return Codex(gateway, home, workspace)


def shell(command: str) -> Json:
    return call("exec_command", cmd=command)


def patch(*lines: str) -> str:
    return "\n".join(["*** Begin Patch", *lines, "*** End Patch", ""])


REPLACEMENT = patch("*** Update File: poem.txt", "@@", "-red", "+blue")


def everything_said(state: Json) -> str:
    messages = [*state.get("history", []), state["currentMessage"]]
    spoken = (message.get("userInputMessage", {}) for message in messages)
    return "\n".join(message.get("content", "") for message in spoken)


def test_a_question_is_answered(codex: Codex, upstream: Control):
    run = codex.run("What is grey? " + directive([say("The heron.")]))
    run.assert_good()
    assert run.answer == "The heron."
    (state,) = states(upstream)
    assert "You are a coding agent running in the Codex CLI" in everything_said(state)
    assert f"<cwd>{codex.workspace}</cwd>" in everything_said(state)
    assert {"exec_command", "write_stdin", "view_image"} <= {*tool_names(state)}


def test_commands_run_beside_each_other_and_tell_what_came_of_them(
    codex: Codex, upstream: Control
):
    run = codex.run(
        "Write. "
        + directive(
            [
                say("Both at once."),
                shell("echo roses are red > poem.txt"),
                shell("echo no such flower; exit 3"),
            ],
            [say("Written.")],
        )
    )
    run.assert_good()
    assert run.answer == "Written."
    assert (codex.workspace / "poem.txt").read_text() == "roses are red\n"
    ran = run.items("command_execution")
    assert sorted(command["exit_code"] for command in ran) == [0, 3]
    told = current(states(upstream)[-1])["userInputMessageContext"]["toolResults"]
    assert len(told) == 2
    assert "no such flower" in str(told)
    assert "exited with code 3" in str(told)


def test_a_patch_is_applied_by_a_command(codex: Codex):
    """As it tells a model it does not know to do it."""
    (codex.workspace / "poem.txt").write_text("red\n")
    command = f"apply_patch <<'END'\n{REPLACEMENT}END\n"
    run = codex.run(directive([shell(command)], [say("Patched.")]))
    run.assert_good()
    assert (codex.workspace / "poem.txt").read_text() == "blue\n"
    assert [change["status"] for change in run.items("file_change")] == ["completed"]


def test_a_patch_is_applied_by_a_tool_that_takes_plain_text(
    codex: Codex, upstream: Control
):
    codex.learn_model()
    (codex.workspace / "poem.txt").write_text("red\n")
    run = codex.run(
        directive([call("apply_patch", input=REPLACEMENT)], [say("Patched.")])
    )
    run.assert_good()
    assert run.items("error") == []  # it knows the model now
    assert (codex.workspace / "poem.txt").read_text() == "blue\n"
    before, after = states(upstream)
    assert "lark grammar" in str(current(before)["userInputMessageContext"]["tools"])
    assert "M poem.txt" in str(current(after)["userInputMessageContext"]["toolResults"])


def test_a_model_that_it_knows_has_its_tools(codex: Codex, upstream: Control):
    """Codex brings them as an item of the conversation."""
    codex.model = KNOWN_MODEL
    program = f"""
        const shown = await tools.exec_command({{cmd: "echo red | tee poem.txt"}});
        await tools.apply_patch({REPLACEMENT!r});
        text(shown.output);
    """
    run = codex.run(
        directive([call("functions__exec", input=program)], [say("Patched.")])
    )
    run.assert_good()
    assert run.answer == "Patched."
    assert (codex.workspace / "poem.txt").read_text() == "blue\n"
    before, after = states(upstream)
    assert "collaboration__spawn_agent" in tool_names(before)
    assert "'red\\n'" in str(current(after)["userInputMessageContext"]["toolResults"])


def test_a_server_of_tools_with_long_names(codex: Codex, upstream: Control):
    journal = codex.home / "journal.jsonl"
    program = [mcp_server.__file__, str(journal), "3"]
    tool = mcp_server.tool_name(2)
    run = codex.run(
        directive([call(f"mcp__archive__{tool}", year=1871)], [say("A letter.")]),
        f"--config=mcp_servers.archive.command={json.dumps(sys.executable)}",
        f"--config=mcp_servers.archive.args={json.dumps(program)}",
    )
    run.assert_good()
    assert json.loads(journal.read_text()) == [tool, {"year": 1871}]
    before, after = states(upstream)
    assert "begin with mcp__archive__: Tools in the" in everything_said(before)
    assert max(map(len, tool_names(before))) <= 64
    told = current(after)["userInputMessageContext"]["toolResults"]
    assert "A letter of 1871" in str(told)


def test_thinking_is_shown_and_sent_back(codex: Codex, upstream: Control):
    codex.model = "claude-sonnet-4-5"
    codex.configuration.append('model_reasoning_effort = "high"')
    upstream.enqueue(
        {"steps": [{"reasoning": "A file, then."}, shell("echo one > a.txt")]},
        {"steps": [say("Done.")]},
    )
    run = codex.run("Write.")
    run.assert_good()
    assert [item["text"] for item in run.items("reasoning")] == ["A file, then."]
    _, after = states(upstream)
    assert "A file, then." in str(after["history"][-1])


def test_a_conversation_is_resumed(codex: Codex, upstream: Control):
    first = codex.run(directive([shell("echo one > notes.txt")], [say("Noted.")]))
    first.assert_good()
    second = codex.run(
        directive([shell("echo two >> notes.txt")], [say("Noted too.")]), resume=True
    )
    second.assert_good()
    assert second.session == first.session
    assert second.answer == "Noted too."
    assert (codex.workspace / "notes.txt").read_text() == "one\ntwo\n"
    said = str(states(upstream)[-1]["history"])
    assert said.index("Noted.") < said.index("echo two")


def test_an_image_of_the_prompt_and_one_that_a_tool_shows(
    codex: Codex, upstream: Control
):
    file = codex.workspace / "square.png"
    file.write_bytes(PNG)
    run = codex.run(
        directive([call("view_image", path=str(file))], [say("A square.")]),
        "--image",
        str(file),
    )
    run.assert_good()
    before, after = states(upstream)
    assert [image["format"] for image in current(before)["images"]] == ["png"]
    assert [image["format"] for image in current(after)["images"]] == ["png"]


def test_an_answer_of_a_wanted_form(codex: Codex):
    schema = codex.home / "schema.json"
    schema.write_text(
        '{"type": "object", "properties": {"bird": {"type": "string"}},'
        ' "required": ["bird"], "additionalProperties": false}'
    )
    prompt = "Which? " + directive([say('{"bird": "heron"}')])
    run = codex.run(prompt, "--output-schema", str(schema))
    run.assert_good()
    assert run.answer == '{"bird": "heron"}'


# Nine tenths of the window are what it fills by itself.
NEARLY_FULL = 185_000


def test_it_compacts_when_usage_nears_the_window(codex: Codex, upstream: Control):
    usage = {"input": NEARLY_FULL, "output": 50}
    left = directive([shell("echo two >> notes.txt")], [say("Both are written.")])
    upstream.enqueue(
        {"steps": [shell("echo one > notes.txt")], "tail": {"usage": usage}},
        {"steps": [{"text": f"The first line is written. {left}"}]},
    )
    run = codex.run("Write two lines.")
    run.assert_good()
    assert run.answer == "Both are written."
    assert (codex.workspace / "notes.txt").read_text() == "one\ntwo\n"
    _, summing_up, after, _ = states(upstream)
    assert "CONTEXT CHECKPOINT COMPACTION" in current(summing_up)["content"]
    assert "The first line is written." in current(after)["content"]


def test_a_request_is_sent_again_when_no_account_has_capacity(
    codex: Codex, upstream: Control
):
    """It repeats what failed with a status without a word."""
    upstream.enqueue(*["model_capacity"] * len(ACCOUNTS))
    run = codex.run(directive([shell("echo one > a.txt")], [say("Written.")]))
    run.assert_good()
    assert (codex.workspace / "a.txt").read_text() == "one\n"
    assert upstream.calls() == len(ACCOUNTS) + 2


def test_a_stream_that_breaks_is_asked_for_again(codex: Codex, upstream: Control):
    upstream.enqueue("exception_after_text")
    run = codex.run(directive([say("Whole.")]))
    assert run.status == 0
    assert run.answer == "Whole."
    (told,) = run.errors()
    assert "upstream broke off the reply with an error" in told


def shown(run: Run) -> str:
    """What the user reads of a turn that failed."""
    assert run.status == 1
    assert run.events[-1]["type"] == "turn.failed"
    message: str = run.events[-1]["error"]["message"]
    return message


def test_a_failure_that_does_not_end_is_shown(codex: Codex, upstream: Control):
    upstream.enqueue(*["nothing"] * len(ACCOUNTS) * 2)
    provider = "model_providers.kiro2api"
    run = codex.run(
        "Hello",
        f"--config={provider}.request_max_retries=1",
        f"--config={provider}.stream_max_retries=0",
    )
    assert "502 Bad Gateway: upstream gave an empty answer" in shown(run)
    assert upstream.calls() == len(ACCOUNTS) * 2


def test_a_conversation_that_is_too_long_is_understood(codex: Codex, upstream: Control):
    upstream.enqueue("input_too_long")
    assert "ran out of room in the model's context window" in shown(codex.run("Hello"))


def test_that_the_pool_is_out_of_credits_is_shown_at_once(
    codex: Codex, upstream: Control
):
    for account in ACCOUNTS:
        upstream.update_account(str(account["name"]), credits_used=10_000.0)
    assert "Quota exceeded" in shown(codex.run("Hello"))
    assert upstream.calls() == len(ACCOUNTS)  # each account once, and no retry


def test_an_unknown_model_is_named(codex: Codex):
    codex.model = "nobody-knows-it"
    assert "nobody-knows-it is not known here" in shown(codex.run("Hello"))
