"""Declared tools to those the model is offered, and what is to be done with them."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.codewhisperer.tools import offer_tools
from proxy.messages import (
    Prompt,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    WebSearch,
)
from proxy.tests.test_anthropic_decoder import HI, decode, refusal

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
READ = {"name": "Read", "description": "Reads a file", "input_schema": SCHEMA}
GREP = {"name": "Grep", "input_schema": SCHEMA}
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
LATER = {"defer_loading": True}


def names(prompt: Prompt) -> list[str]:
    return [tool.name for tool in prompt.tools]


def said(*blocks: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": list(blocks)}


def referred(name: str) -> dict[str, Any]:
    reference = {"type": "tool_reference", "tool_name": name}
    return said({"type": "tool_result", "tool_use_id": "a", "content": [reference]})


def change(kind: str, **tool: Any) -> dict[str, Any]:
    return said({"type": kind, "tool": tool}, role="system")


@pytest.mark.parametrize(
    ("declared", "offered"),
    [
        (READ, Tool("Read", "Reads a file", SCHEMA)),
        ({**READ, "type": "custom"}, Tool("Read", "Reads a file", SCHEMA)),
        (
            {
                **READ,
                "type": None,
                "strict": True,
                "input_examples": [{}],
                "eager_input_streaming": True,
                "allowed_callers": ["direct"],
                "cache_control": {"type": "ephemeral"},
                "something_new": 1,
            },
            Tool("Read", "Reads a file", SCHEMA),
        ),
        (
            {"name": "Now", "description": None, "input_schema": None},
            Tool("Now", "", {}),
        ),
        ({**READ, "type": "something_new"}, Tool("Read", "Reads a file", SCHEMA)),
    ],
)
def test_a_tool_of_the_clients_own(declared, offered):
    prompt = decode({"tools": [declared]})
    assert prompt.tools == (offered,)
    assert prompt.unhonoured == ()


@pytest.mark.parametrize(
    ("kind", "name", "commands"),
    [
        ("bash_20241022", "bash", None),
        ("bash_20250124", "bash", None),
        (
            "text_editor_20241022",
            "str_replace_editor",
            ["view", "create", "str_replace", "insert", "undo_edit"],
        ),
        (
            "text_editor_20250124",
            "str_replace_editor",
            ["view", "create", "str_replace", "insert", "undo_edit"],
        ),
        (
            "text_editor_20250429",
            "str_replace_based_edit_tool",
            ["view", "create", "str_replace", "insert"],
        ),
        (
            "text_editor_20250728",
            "str_replace_based_edit_tool",
            ["view", "create", "str_replace", "insert"],
        ),
        (
            "memory_20250818",
            "memory",
            ["view", "create", "str_replace", "insert", "delete", "rename"],
        ),
    ],
)
def test_a_client_tool_that_the_api_defines_is_offered_with_its_schema(
    kind, name, commands
):
    prompt = decode({"tools": [{"type": kind, "name": name, "max_characters": 9}]})
    (tool,) = prompt.tools
    assert tool.name == name
    assert tool.description
    properties = tool.schema["properties"]
    assert properties["command"].get("enum") == commands
    assert set(tool.schema.get("required", ())) <= set(properties)
    assert prompt.unhonoured == ()
    assert offer_tools(prompt, 10_000).specifications


@pytest.mark.parametrize(
    ("kind", "inserted"),
    [("text_editor_20250124", "new_str"), ("text_editor_20250728", "insert_text")],
)
def test_the_text_editor_inserts_as_its_clients_expect(kind, inserted):
    (tool,) = decode({"tools": [{"type": kind, "name": "e"}]}).tools
    assert inserted in tool.schema["properties"]
    assert inserted in tool.schema["properties"]["insert_line"]["description"]


@pytest.mark.parametrize(
    "kind",
    [
        "web_fetch_20250910",
        "code_execution_20250825",
        "tool_search_tool_bm25_20251119",
        "advisor_20260301",
        "something_new_20270101",
    ],
)
def test_a_tool_of_the_apis_side_is_named_beside_others_and_refused_alone(kind):
    declared = {"type": kind, "name": "x"}
    prompt = decode({"tools": [READ, declared]})
    assert names(prompt) == ["Read"]
    assert prompt.unhonoured == (f"tools.1.{kind}",)
    assert refusal({"tools": [declared]}).param == f"tools.0.{kind}"


@pytest.mark.parametrize("kind", ["mcp_toolset", "b\r\nx: y", "web_fetch_" * 99])
def test_a_type_of_no_known_form_is_named_by_its_place(kind):
    declared = {"type": kind, "mcp_server_name": "x"}
    assert decode({"tools": [READ, declared]}).unhonoured == ("tools.1",)


@pytest.mark.parametrize(
    "kind",
    [
        "computer_20241022",
        "computer_20251124",
        "computer_toolset_20260801",
        "browser_toolset_20260801",
    ],
)
def test_a_screen_cannot_be_had_here(kind):
    error = refusal({"tools": [READ, {"type": kind, "name": "computer"}]})
    assert error.param == "tools.1.type"
    assert kind in error.message


@pytest.mark.parametrize(
    ("tools", "path"),
    [
        ([{"input_schema": SCHEMA}], "tools.0.name"),
        ([READ, GREP, READ], "tools.2.name"),
        ([READ, {**READ, **LATER}], "tools.1.name"),
        ([{"name": "web_search", "input_schema": SCHEMA}, SEARCH], "tools.1.name"),
        ([SEARCH, {"name": "web_search", "input_schema": SCHEMA}], "tools.1.name"),
        ([{**READ, "name": 7}], "tools.0.name"),
        ([{**READ, "input_schema": "x"}], "tools.0.input_schema"),
        ([{**SEARCH, "max_uses": "x"}], "tools.0.max_uses"),
    ],
)
def test_tools_that_cannot_be_offered_are_refused_with_their_path(tools, path):
    assert refusal({"tools": tools}).param == path


def test_no_tools_are_no_tools():
    assert decode({"tools": []}).tools == ()


# Which are offered now


def test_a_deferred_tool_is_left_out_until_something_refers_to_it():
    tools = [READ, {**GREP, **LATER}]
    assert names(decode({"tools": tools})) == ["Read"]
    later = decode({"tools": tools, "messages": [HI, referred("Grep"), HI]})
    assert names(later) == ["Read", "Grep"]


def test_deferred_tools_are_offered_where_the_api_was_to_search_among_them():
    finder = {"type": "tool_search_tool_regex_20251119", "name": "tool_search"}
    prompt = decode({"tools": [finder, READ, {**GREP, **LATER}]})
    assert names(prompt) == ["Read", "Grep"]


def test_a_deferred_tool_that_must_be_called_is_offered():
    choice = {"type": "tool", "name": "Grep"}
    prompt = decode({"tools": [READ, {**GREP, **LATER}], "tool_choice": choice})
    assert names(prompt) == ["Read", "Grep"]


def test_messages_of_role_system_add_and_remove_tools():
    added = change("tool_addition", type="tool_reference", name="Grep")
    removed = change("tool_removal", type="tool_reference", name="Grep")
    tools = [READ, {**GREP, **LATER}]
    for changes, offered in [
        ([added], ["Read", "Grep"]),
        ([added, removed], ["Read"]),
        ([removed, added], ["Read", "Grep"]),
    ]:
        prompt = decode({"tools": tools, "messages": [HI, *changes, HI]})
        assert names(prompt) == offered


def test_an_addition_may_bring_the_tool_along():
    added = change("tool_addition", type="tool_definition", definition=GREP)
    assert names(decode({"tools": [READ], "messages": [HI, added]})) == ["Read", "Grep"]


def test_a_summary_brings_the_changes_of_what_it_stands_for():
    removal = {"type": "tool_removal", "tool": {"name": "Read"}}
    summary = said(
        {"type": "compaction", "content": "Short.", "tool_changes": [removal]},
        role="assistant",
    )
    assert decode({"tools": [READ], "messages": [HI, summary, HI]}).tools == ()


@pytest.mark.parametrize(
    "tool", [None, {"name": 7}, {"definition": {"type": "computer_20251124"}}]
)
def test_a_change_that_makes_no_sense_is_passed_over(tool):
    broken = said({"type": "tool_addition", "tool": tool}, role="system")
    assert names(decode({"tools": [READ], "messages": [HI, broken]})) == ["Read"]


# Choice


@pytest.mark.parametrize(
    ("choice", "expected", "named"),
    [
        (None, ToolChoice(), ()),
        ({"type": "auto"}, ToolChoice(), ()),
        ({"type": "something_new"}, ToolChoice(), ()),
        (
            {"type": "auto", "disable_parallel_tool_use": True},
            ToolChoice(parallel=False),
            (),
        ),
        ({"type": "none"}, ToolChoice("none"), ()),
        ({"type": "any"}, ToolChoice("any"), ("tool_choice",)),
        (
            {"type": "tool", "name": "Read", "disable_parallel_tool_use": True},
            ToolChoice("named", "Read", parallel=False),
            ("tool_choice",),
        ),
    ],
)
def test_the_choice_of_tools(choice, expected, named):
    prompt = decode({"tools": [READ, GREP], "tool_choice": choice})
    assert prompt.tool_choice == expected
    assert prompt.unhonoured == named


@pytest.mark.parametrize("name", ["Write", "", None, "web_search"])
def test_a_tool_that_is_not_there_cannot_be_chosen(name):
    error = refusal({"tools": [READ], "tool_choice": {"type": "tool", "name": name}})
    assert error.param == "tool_choice.name"


# The web search


@pytest.mark.parametrize(
    "kind", ["web_search_20250305", "web_search_20260209", "web_search_20260318"]
)
def test_a_web_search_is_no_tool_of_the_clients(kind):
    prompt = decode({"tools": [READ, {"type": kind, "name": "web_search"}]})
    assert names(prompt) == ["Read"]
    assert prompt.web_search == WebSearch()
    assert prompt.unhonoured == ()


def test_a_web_search_with_its_limits():
    declared = {
        **SEARCH,
        "max_uses": 3,
        "allowed_domains": ["example.com"],
        "blocked_domains": ["example.org/blog"],
        "user_location": {"type": "approximate", "city": "Oslo"},
    }
    prompt = decode({"tools": [declared]})
    assert prompt.web_search == WebSearch(3, ("example.com",), ("example.org/blog",))
    assert prompt.unhonoured == ("tools.0.user_location",)


def test_a_web_search_can_be_forced():
    choice = {"type": "tool", "name": "web_search"}
    prompt = decode({"tools": [SEARCH], "tool_choice": choice})
    assert prompt.tool_choice == ToolChoice("named", "web_search")


def test_a_function_that_is_called_web_search_is_left_alone():
    function = {"name": "web_search", "description": "ours", "input_schema": SCHEMA}
    prompt = decode({"tools": [function]})
    assert prompt.web_search is None
    assert prompt.tools == (Tool("web_search", "ours", SCHEMA),)


SEARCHED = said(
    {
        "type": "server_tool_use",
        "id": "srvtoolu_1",
        "name": "web_search",
        "input": {"query": "snow"},
    },
    {
        "type": "web_search_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": [
            {
                "type": "web_search_result",
                "url": "https://example.com",
                "title": "A page",
                "encrypted_content": "SXQgc25vd3Mu",
                "page_age": None,
            }
        ],
    },
    {
        "type": "server_tool_use",
        "id": "srvtoolu_2",
        "name": "web_search",
        "input": {"query": "rain"},
    },
    {
        "type": "web_search_tool_result",
        "tool_use_id": "srvtoolu_2",
        "content": {
            "type": "web_search_tool_result_error",
            "error_code": "unavailable",
        },
    },
    {"type": "text", "text": "It snows."},
    role="assistant",
)


FOUND = "1. A page\nhttps://example.com\nIt snows."
FAILED = "The search failed: unavailable"


def test_earlier_searches_go_back_as_they_came_where_the_web_is_searched():
    prompt = decode({"tools": [SEARCH], "messages": [HI, SEARCHED, HI]})
    assert prompt.messages[1].parts == (
        ToolUse("srvtoolu_1", "web_search", {"query": "snow"}),
        ToolResult("srvtoolu_1", (Text(FOUND),)),
        ToolUse("srvtoolu_2", "web_search", {"query": "rain"}),
        ToolResult("srvtoolu_2", (Text(FAILED),), is_error=True),
        Text("It snows."),
    )


def test_earlier_searches_are_text_where_there_is_no_search():
    prompt = decode({"tools": [READ], "messages": [HI, SEARCHED, HI]})
    assert prompt.messages[1].parts == (
        Text('[web_search: {"query":"snow"}]'),
        Text(FOUND),
        Text('[web_search: {"query":"rain"}]'),
        Text(FAILED),
        Text("It snows."),
    )
