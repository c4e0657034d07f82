"""Tools that are more than a call: searches, sub-agents, servers with many tools."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from simulator.control import Control
from tests import mcp_server
from tests.asked import states, tool_names
from tests.claude_code.actions import find_tools, write
from tests.claude_code.builds import NATIVE
from tests.claude_code.client import ClaudeCode
from tests.directive import call, directive, say

pytestmark = pytest.mark.real_client

MCP_TOOLS = 80
LONGEST_NAME = 64
SERVER = "archive"


def test_a_web_search_is_done_by_the_upstream(claude: ClaudeCode, upstream: Control):
    """In a request of its own, which has a directive of its own."""
    searching = directive(
        [say("I look."), call("web_search", query="snow")], [say("Three pages.")]
    )
    run = claude.run(
        "Search. "
        + directive(
            *find_tools(claude.build, "WebSearch"),
            [call("WebSearch", query=f"snow {searching}")],
            [say("Found.")],
        )
    )
    run.assert_good()
    assert run.result["result"] == "Found."
    (searched,) = upstream.requests("InvokeMCP")
    assert searched["body"]["params"]["arguments"] == {"query": "snow"}
    _, found = run.blocks("tool_result")[-1]["content"].split(":SIM>>")
    places = [found.index(part) for part in ("I look.", "/guide", "Three pages.")]
    assert places == sorted(places)


def test_two_sub_agents_work_beside_each_other(claude: ClaudeCode):
    files = [claude.workspace / name for name in ("left.txt", "right.txt")]

    def agent(file: Path) -> dict[str, Any]:
        """Called Task before it was called Agent."""
        prompt = directive([write(file, f"{file.name}\n")], [say("Written.")])
        task = {"description": "Write a file", "prompt": f"Write. {prompt}"}
        task["subagent_type"] = "general-purpose"
        return {"tool": ["Agent", "Task"], "input": task}

    run = claude.run(
        "Let two write. "
        + directive([agent(file) for file in files], [say("Both have written.")])
    )
    run.assert_good()
    assert [file.read_text() for file in files] == ["left.txt\n", "right.txt\n"]
    assert sorted(run.tools_called()) == ["Agent", "Agent", "Write", "Write"]
    assert not any(run.failures())
    assert [told["status"] for told in run.told("task_notification")] == [
        "completed",
        "completed",
    ]


class Archive:
    """A server of many tools, each with a long name."""

    def __init__(self, claude: ClaudeCode) -> None:
        self.journal = claude.home / "journal.jsonl"
        program = [mcp_server.__file__, str(self.journal), str(MCP_TOOLS)]
        server = {"command": sys.executable, "args": program}
        configuration = json.dumps({"mcpServers": {SERVER: server}})
        self.options = ("--mcp-config", configuration, "--strict-mcp-config")

    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """By year."""
        lines = map(json.loads, self.journal.read_text().splitlines())
        return sorted(((name, given) for name, given in lines), key=year_of)


def year_of(journal_line: tuple[str, dict[str, Any]]) -> int:
    _, given = journal_line
    year: int = given["year"]
    return year


def client_name(number: int) -> str:
    return f"mcp__{SERVER}__{mcp_server.tool_name(number)}"


def test_many_tools_with_long_names_are_offered_and_called(
    claude: ClaudeCode, upstream: Control
):
    claude.settings["ENABLE_TOOL_SEARCH"] = "false"
    archive = Archive(claude)
    wanted = (4, 42)
    assert all(len(client_name(number)) > LONGEST_NAME for number in wanted)
    run = claude.run(
        directive(
            [call(client_name(number), year=1800 + number) for number in wanted],
            [say("Two letters.")],
        ),
        *archive.options,
    )
    run.assert_good()
    assert archive.calls() == [
        (mcp_server.tool_name(4), {"year": 1804}),
        (mcp_server.tool_name(42), {"year": 1842}),
    ]
    assert run.tools_called() == [client_name(number) for number in wanted]
    for state in states(upstream):
        names = tool_names(state)
        assert len({name.lower() for name in names}) == len(names)
        assert max(map(len, names)) <= LONGEST_NAME
        shortened = [name for name in names if name.startswith(f"mcp__{SERVER}__")]
        assert len(shortened) == MCP_TOOLS
    assert "A letter of 1842" in str(states(upstream)[-1])


@pytest.mark.parametrize("build", [NATIVE], ids=str)
def test_a_deferred_tool_is_offered_once_it_was_found(
    claude: ClaudeCode, upstream: Control
):
    archive = Archive(claude)
    run = claude.run(
        directive(
            *find_tools(claude.build, client_name(7)),
            [call(client_name(7), year=1871)],
            [say("A letter.")],
        ),
        *archive.options,
    )
    run.assert_good()
    assert run.tools_called() == ["ToolSearch", client_name(7)]
    assert archive.calls() == [(mcp_server.tool_name(7), {"year": 1871})]
    offered = [
        [name for name in tool_names(state) if name.startswith("mcp__")]
        for state in states(upstream)
    ]
    assert [len(names) for names in offered] == [0, 1, 1]
