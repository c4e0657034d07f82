"""Claude Code hears the model think, and tells it later what it thought."""

from __future__ import annotations

import pytest

from simulator.control import Control
from tests.asked import current, states
from tests.claude_code.actions import write
from tests.claude_code.builds import NATIVE
from tests.claude_code.client import ClaudeCode
from tests.directive import Json, directive, say

pytestmark = pytest.mark.real_client

NATIVELY = ["claude-opus-4-6", "claude-sonnet-5-5"]
BY_TAGS = "claude-sonnet-4-20250514"


def think(claude: ClaudeCode, model: str) -> list[Json]:
    """The thinking of a turn with a tool, and of the one that follows it."""
    file = claude.workspace / "thought.txt"
    run = claude.run(
        directive(
            [{"thinking": "A file is wanted."}, write(file, "so be it\n")],
            [{"thinking": "It is there."}, say("Done.")],
        ),
        model=model,
    )
    run.assert_good()
    assert file.read_text() == "so be it\n"
    thoughts = run.blocks("thinking")
    assert [block["thinking"] for block in thoughts] == [
        "A file is wanted.",
        "It is there.",
    ]
    return thoughts


def answer_in_history(upstream: Control) -> Json:
    answer: Json = states(upstream)[-1]["history"][-1]["assistantResponseMessage"]
    return answer


@pytest.mark.parametrize("model", NATIVELY)
def test_a_thought_comes_back_with_its_signature(
    claude: ClaudeCode, upstream: Control, model: str
):
    first, _ = think(claude, model)
    assert first["signature"]
    assert answer_in_history(upstream)["reasoningContent"] == {
        "reasoningText": {
            "text": "A file is wanted.",
            "signature": first["signature"],
        }
    }


def test_a_thought_of_a_model_that_thinks_in_tags_comes_back(
    claude: ClaudeCode, upstream: Control
):
    think(claude, BY_TAGS)
    said = answer_in_history(upstream)["content"]
    assert said.strip() == "<thinking>A file is wanted.</thinking>"


@pytest.mark.parametrize("build", [NATIVE], ids=str)
def test_a_system_message_behind_the_prompt_reaches_upstream(
    claude: ClaudeCode, upstream: Control
):
    """To the newest models it gives its reminders in this form."""
    claude.run(directive([say("Hello.")]), model="claude-sonnet-5-5").assert_good()
    _, behind = current(states(upstream)[0])["content"].split(":SIM>>")
    assert "Today's date is" in behind
