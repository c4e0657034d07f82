"""The Messages API's request to a Prompt."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.anthropic.decoder import (
    ATTRIBUTION,
    decode_count,
    decode_format,
    decode_request,
)
from proxy.anthropic.schemas import CountBody, MessagesBody
from proxy.errors import BadRequest, invalid_field
from proxy.formats import Format
from proxy.messages import (
    Document,
    File,
    Image,
    Message,
    Prompt,
    RedactedThinking,
    RemoteImage,
    Text,
    Thinking,
    ThinkingMode,
    ToolResult,
    ToolUse,
)

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(24)).decode()
PICTURE = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": PNG},
}
ELSEWHERE = {
    "type": "image",
    "source": {"type": "url", "url": "https://example.com/a.png"},
}
HI = {"role": "user", "content": "Hi"}


def shaped(body: dict[str, Any]) -> MessagesBody:
    """A body as it comes: as JSON."""
    body = {"model": "claude-sonnet-4", "messages": [HI], **body}
    try:
        return msgspec.json.decode(msgspec.json.encode(body), type=MessagesBody)
    except msgspec.ValidationError as error:
        raise invalid_field(error) from error


def decode(body: dict[str, Any], **options: Any) -> Prompt:
    return decode_request(shaped(body), **options)


def parts(*blocks: dict[str, Any], role: str = "user") -> tuple[Any, ...]:
    """Those of a message with these blocks, further back in the history."""
    said = {"role": role, "content": list(blocks)}
    return decode({"messages": [said, HI]}).messages[0].parts


def refusal(body: dict[str, Any]) -> BadRequest:
    with pytest.raises(BadRequest) as refused:
        decode(body)
    return refused.value


def test_the_smallest_request():
    assert decode({}) == Prompt("claude-sonnet-4", (Message("user", (Text("Hi"),)),))


def test_a_conversation():
    prompt = decode(
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Read a.txt"}]},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "Hm", "signature": "sig"},
                        {"type": "redacted_thinking", "data": "cmVk"},
                        {"type": "text", "text": "I read."},
                        {
                            "type": "tool_use",
                            "id": "toolu_1",
                            "name": "Read",
                            "input": {"path": "a.txt"},
                        },
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_1",
                            "content": [{"type": "text", "text": "It says"}, PICTURE],
                        },
                        {"type": "text", "text": "Go on"},
                    ],
                },
            ]
        }
    )
    assert prompt.messages == (
        Message("user", (Text("Read a.txt"),)),
        Message(
            "assistant",
            (
                Thinking("Hm", "sig"),
                RedactedThinking("cmVk"),
                Text("I read."),
                ToolUse("toolu_1", "Read", {"path": "a.txt"}),
            ),
        ),
        Message(
            "user",
            (
                ToolResult("toolu_1", (Text("It says"), Image("png", PNG))),
                Text("Go on"),
            ),
        ),
    )


# Content blocks


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"type": "text", "text": "So"}, [Text("So")]),
        (
            {"type": "text", "text": "So", "citations": [], "cache_control": {}},
            [Text("So")],
        ),
        (PICTURE, [Image("png", PNG)]),
        (
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/jpeg", "data": PNG},
            },
            [Image("png", PNG)],
        ),
        (
            {
                "type": "image",
                "source": {"type": "url", "url": f"data:image/png;base64,{PNG}"},
            },
            [Image("png", PNG)],
        ),
        (
            {
                "type": "document",
                "title": "Report",
                "context": "of May",
                "source": {"type": "text", "media_type": "text/plain", "data": "Good."},
            },
            [Document("Report\nof May", "Good.")],
        ),
        (
            {
                "type": "document",
                "source": {
                    "type": "content",
                    "content": [
                        {"type": "text", "text": "one"},
                        PICTURE,
                        {"type": "text", "text": "two"},
                    ],
                },
            },
            [Document("", "one\ntwo"), Image("png", PNG)],
        ),
        (
            {
                "type": "document",
                "source": {"type": "content", "content": "all"},
            },
            [Document("", "all")],
        ),
        (
            {
                "type": "document",
                "title": "Notes",
                "source": {
                    "type": "base64",
                    "media_type": "text/markdown",
                    "data": base64.b64encode("Grüße".encode()).decode(),
                },
            },
            [Document("Notes", "Grüße")],
        ),
        (
            {
                "type": "document",
                "title": "Report",
                "source": {
                    "type": "base64",
                    "media_type": "application/pdf",
                    "data": "JVBERi0=",
                },
            },
            [File("application/pdf", "Report", "JVBERi0=")],
        ),
        (
            {
                "type": "search_result",
                "title": "A page",
                "source": "https://example.com",
                "content": [{"type": "text", "text": "It says"}],
            },
            [Text("A page (https://example.com)\nIt says")],
        ),
        (
            {"type": "tool_result", "tool_use_id": "a", "content": "done"},
            [ToolResult("a", (Text("done"),))],
        ),
        ({"type": "tool_result", "tool_use_id": "a"}, [ToolResult("a", ())]),
        (
            {"type": "tool_result", "tool_use_id": "a", "content": []},
            [ToolResult("a", ())],
        ),
        (
            {
                "type": "tool_result",
                "tool_use_id": "a",
                "content": "no such file",
                "is_error": True,
            },
            [ToolResult("a", (Text("no such file"),), is_error=True)],
        ),
        (
            {
                "type": "tool_result",
                "tool_use_id": "a",
                "content": [{"type": "tool_reference", "tool_name": "Grep"}],
            },
            [ToolResult("a", (Text("The tool Grep is available now."),))],
        ),
        ({"type": "thinking", "thinking": "Hm"}, [Thinking("Hm", "")]),
        (
            {"type": "tool_use", "id": "a", "name": "Read", "input": "{"},
            [ToolUse("a", "Read", {"_raw": "{"})],
        ),
        ({"type": "tool_use", "id": "a", "name": "Read"}, [ToolUse("a", "Read", {})]),
        (
            {
                "type": "server_tool_use",
                "id": "a",
                "name": "web_fetch",
                "input": {"url": "https://example.com"},
            },
            [Text('[web_fetch: {"url":"https://example.com"}]')],
        ),
        (
            {
                "type": "web_fetch_tool_result",
                "tool_use_id": "a",
                "content": {
                    "type": "web_fetch_result",
                    "url": "https://example.com",
                    "content": {
                        "type": "document",
                        "title": "A page",
                        "source": {
                            "type": "text",
                            "media_type": "text/plain",
                            "data": "It says",
                        },
                    },
                },
            },
            [Text("[web_fetch_tool_result]\nhttps://example.com\nA page\nIt says")],
        ),
        (
            {
                "type": "code_execution_tool_result",
                "tool_use_id": "a",
                "content": {
                    "type": "code_execution_result",
                    "stdout": "42",
                    "stderr": "",
                    "return_code": 0,
                    "content": [],
                },
            },
            [Text("[code_execution_tool_result]\n42\n")],
        ),
        (
            {
                "type": "mcp_tool_use",
                "id": "a",
                "name": "look",
                "server_name": "s",
                "input": {},
            },
            [Text("[look: {}]")],
        ),
        (
            {
                "type": "mcp_tool_result",
                "tool_use_id": "a",
                "content": [{"type": "text", "text": "seen"}],
            },
            [Text("[mcp_tool_result]\nseen")],
        ),
        (
            {
                "type": "web_search_tool_result",
                "tool_use_id": "a",
                "content": [
                    {
                        "type": "web_search_result",
                        "url": "https://example.com",
                        "title": "A page",
                        "encrypted_content": "not ours",
                        "page_age": "2026-10-01",
                    }
                ],
            },
            [Text("1. A page\nhttps://example.com\n2026-10-01")],
        ),
    ],
)
def test_a_content_block(block, expected):
    assert list(parts(block)) == expected
    assert list(parts(block, role="assistant")) == expected


@pytest.mark.parametrize(
    "kind",
    [
        "container_upload",
        "fallback",
        "mcp_tool_listing",
        "browser_state",
        "tool_addition",
        "something_new",
        None,
    ],
)
def test_blocks_of_no_use_and_of_unknown_kinds_are_dropped(kind):
    dropped = {"type": kind, "file_id": "f", "content": {"deep": [1]}}
    assert parts(dropped, {"type": "text", "text": "So"}) == (Text("So"),)
    newest = decode({"messages": [{"role": "user", "content": [dropped]}]})
    assert newest.messages[0].parts == ()


# Blocks that cannot be read: an error in what the user said last, else a note

UNREADABLE = [
    (
        ELSEWHERE,
        "source",
        "this image is not in the request itself: send it as base64 or data: URL",
    ),
    (
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        "source",
        "this image is not in the request itself: send it as base64 or data: URL",
    ),
    (
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/bmp", "data": "Qk0="},
        },
        "source.data",
        "this is no PNG, JPEG, GIF or WebP in base64",
    ),
    (
        {"type": "image", "source": {"type": "url", "url": "data:image/png,abc"}},
        "source.data",
        "this is no PNG, JPEG, GIF or WebP in base64",
    ),
    (
        {"type": "document", "source": {"type": "url", "url": "https://example.com"}},
        "source",
        "this document is not in the request itself: send it as base64",
    ),
    (
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "text/plain", "data": "abc"},
        },
        "source.data",
        "this is not base64",
    ),
    ({"type": "text"}, "", "Object missing required field `text`"),
    ({"type": "text", "text": 7}, "text", "Expected `str`, got `int`"),
    ({"type": "image"}, "", "Object missing required field `source`"),
    (
        {"type": "tool_use", "name": "Read", "input": {}},
        "",
        "Object missing required field `id`",
    ),
    (
        {"type": "tool_result", "tool_use_id": 7},
        "tool_use_id",
        "Expected `str`, got `int`",
    ),
]


@pytest.mark.parametrize(("block", "field", "why"), UNREADABLE)
def test_in_what_the_user_said_last_an_unreadable_block_is_an_error(block, field, why):
    asked = [{"role": "user", "content": [{"type": "text", "text": "See"}, block]}]
    error = refusal({"messages": asked})
    path = f"messages.0.content.1.{field}".rstrip(".")
    assert error.param == path
    assert error.message == f"{path}: {why}"


@pytest.mark.parametrize(("block", "field", "why"), UNREADABLE)
@pytest.mark.parametrize("role", ["user", "assistant", "system"])
def test_in_the_history_a_note_stands_in_for_an_unreadable_block(
    role, block, field, why
):
    text = {"type": "text", "text": "See"}
    assert parts(text, block, role=role) == (Text("See"), Text(f"(left out: {why})"))


@pytest.mark.parametrize(("block", "field", "why"), UNREADABLE[:7])
def test_in_a_tool_result_a_note_stands_in_for_an_unreadable_block(block, field, why):
    result = {"type": "tool_result", "tool_use_id": "a", "content": [block]}
    prompt = decode({"messages": [{"role": "user", "content": [result]}]})
    assert prompt.messages[0].parts == (ToolResult("a", (Text(f"(left out: {why})"),)),)


def test_an_image_elsewhere_is_left_to_be_fetched_where_that_is_allowed():
    asked = [{"role": "user", "content": [ELSEWHERE]}]
    prompt = decode({"messages": asked}, remote_images=True)
    assert prompt.messages[0].parts == (RemoteImage("https://example.com/a.png"),)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "source", "content", "id", "name", "input", "data"]
                + ["tool_use_id", "media_type", "url", "title", "tool", "thinking"]
            ),
            inner
            | st.sampled_from(
                ["text", "image", "document", "tool_use", "tool_result", "base64"]
                + ["web_search_tool_result", "server_tool_use", "compaction"]
                + ["content", "tool_addition", "tool_removal", "search_result"]
            ),
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(
    blocks=st.lists(
        anything.filter(lambda block: isinstance(block, dict)), min_size=1, max_size=3
    ),
    role=st.sampled_from(["user", "assistant", "system"]),
)
def test_nothing_in_the_history_is_ever_refused(blocks, role):
    said = {"role": role, "content": blocks}
    prompt = decode({"messages": [said, HI]})
    assert prompt.messages[-1] == Message("user", (Text("Hi"),))


# Messages


def test_messages_of_role_system_keep_their_place():
    said = [HI, {"role": "system", "content": "Be short."}]
    assert decode({"messages": said}).messages == (
        Message("user", (Text("Hi"),)),
        Message("system", (Text("Be short."),)),
    )


@pytest.mark.parametrize(
    ("clear_at", "later", "shown"),
    [
        ("next_user_message", [], True),
        ("next_user_message", [{"role": "assistant", "content": "Yes"}], True),
        ("next_user_message", [HI], False),
        ("never", [HI], True),
        (None, [HI], True),
    ],
)
def test_a_message_of_role_system_is_cleared_when_it_says_so(clear_at, later, shown):
    reminder = {"role": "system", "content": "Now", "clear_at": clear_at}
    messages = decode({"messages": [HI, reminder, *later]}).messages
    assert (Message("system", (Text("Now"),)) in messages) == shown


def test_a_message_of_role_system_may_only_change_the_effort():
    change = {"role": "system", "output_config": {"effort": "low"}}
    prompt = decode({"messages": [HI, change, HI], "output_config": {"effort": "high"}})
    assert prompt.effort == "low"


def test_an_assistant_may_have_the_first_and_the_last_word():
    said = [{"role": "assistant", "content": "So"}]
    assert decode({"messages": said}).messages == (Message("assistant", (Text("So"),)),)


def test_a_summary_stands_for_all_that_was_before_it():
    compaction = {"type": "compaction", "content": "They met."}
    said = [
        {"role": "user", "content": "A long story"},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "old"},
                compaction,
                {"type": "text", "text": "new"},
            ],
        },
        HI,
    ]
    summary = "(The conversation before this, in short:)\nThey met."
    assert decode({"messages": said}).messages == (
        Message("user", (Text(summary),)),
        Message("assistant", (Text("new"),)),
        Message("user", (Text("Hi"),)),
    )


def test_a_summary_that_failed_means_nothing():
    failed = {"role": "assistant", "content": [{"type": "compaction", "content": None}]}
    assert decode({"messages": [HI, failed, HI]}).messages == (
        Message("user", (Text("Hi"),)),
        Message("assistant", ()),
        Message("user", (Text("Hi"),)),
    )


# System


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (None, ""),
        ("Be kind.", "Be kind."),
        ([], ""),
        (
            [
                {"type": "text", "text": "Be kind."},
                {"type": "text", "text": "Be short."},
            ],
            "Be kind.\n\nBe short.",
        ),
        (
            [
                {"type": "text", "text": f"{ATTRIBUTION} cc_version=2.1; cch=abc;"},
                {"type": "text", "text": "\n"},
                {"type": "text", "text": "Be kind.", "cache_control": {}},
                {"type": "something_new", "data": "x"},
            ],
            "Be kind.",
        ),
    ],
)
def test_the_system_text(system, expected):
    assert decode({"system": system}).system == expected


# How it is to be answered


def test_wishes_that_can_be_kept():
    prompt = decode(
        {
            "max_tokens": 100,
            "stop_sequences": ["END", ""],
            "thinking": {"type": "enabled", "budget_tokens": 2048},
            "output_config": {"effort": "xhigh"},
            "stream": True,
        },
        conversation="c-1",
    )
    assert prompt == replace(
        decode({}),
        conversation="c-1",
        max_tokens=100,
        stop_sequences=("END",),
        thinking=ThinkingMode("enabled", 2048),
        effort="xhigh",
    )


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [
        (None, None),
        ({"type": "disabled"}, ThinkingMode("disabled")),
        ({"type": "adaptive"}, ThinkingMode("adaptive")),
        ({"type": "adaptive", "display": "updates"}, ThinkingMode("adaptive")),
        ({"type": "between_tools"}, ThinkingMode("adaptive")),
        ({"type": "enabled"}, ThinkingMode("enabled")),
    ],
)
def test_thinking(thinking, expected):
    assert decode({"thinking": thinking}).thinking == expected


IGNORED = {
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 40,
    "billing_policy": {"type": "x"},
    "context_management": {"edits": []},
    "diagnostics": {},
    "fallback_credit_token": "x",
    "fallbacks": [{"model": "x"}],
    "inference_geo": "eu",
    "service_tier": "auto",
    "speed": "fast",
    "thread": {"type": "create"},
    "user_profile_id": "x",
    "workspace_id": "x",
}


@pytest.mark.parametrize("field", IGNORED)
def test_what_cannot_be_done_is_named(field):
    assert decode({field: IGNORED[field]}).unhonoured == (field,)


def test_what_was_not_asked_is_not_named():
    assert decode(dict.fromkeys(IGNORED)).unhonoured == ()


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"effort": "low"}, ()),
        ({"effort": "gigantic"}, ("output_config.effort",)),
        ({"task_budget": {"total": 9}}, ("output_config.task_budget",)),
    ],
)
def test_an_output_config_that_cannot_be_done_is_named(config, named):
    assert decode({"output_config": config}).unhonoured == named


def test_unknown_fields_are_ignored_wherever_they_stand():
    body = {
        "something_new": {"deep": [1]},
        "betas": ["x"],
        "metadata": {"user_id": "x", "more": 1},
        "messages": [{**HI, "something_new": 1}],
        "thinking": {"type": "disabled", "something_new": 1},
    }
    assert decode(body) == replace(decode({}), thinking=ThinkingMode("disabled"))


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages.0"),
        ({"messages": [{"content": "Hi"}]}, "messages.0"),
        ({"messages": [{"role": "tool", "content": "Hi"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content"),
        ({"messages": [HI, {"role": "user", "content": [7]}]}, "messages.1.content.0"),
        ({"model": 7}, "model"),
        ({"model": None}, "model"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"system": 7}, "system"),
        ({"system": [{"type": "text"}]}, "system.0"),
        ({"system": [{"type": "text", "text": 7}]}, "system.0.text"),
        ({"stop_sequences": "END"}, "stop_sequences"),
        ({"stop_sequences": ["END", 7]}, "stop_sequences.1"),
        ({"stream": "yes"}, "stream"),
        ({"temperature": "hot"}, "temperature"),
        ({"thinking": "yes"}, "thinking"),
        (
            {"thinking": {"type": "enabled", "budget_tokens": "x"}},
            "thinking.budget_tokens",
        ),
        ({"compaction": {"type": "summarize"}}, "compaction"),
        ({"mcp_servers": [{"type": "url", "name": "x", "url": "x"}]}, "mcp_servers"),
        ({"container": "c-1"}, "container"),
        ({"container": {"skills": []}}, "container"),
        ({"thread": {"type": "continue", "id": "x"}}, "thread"),
    ],
)
def test_what_cannot_be_served_is_refused_with_its_path(body, path):
    error = refusal(body)
    assert error.param == path
    assert error.message.startswith(f"{path}: ")


@pytest.mark.parametrize(
    "harmless", [{"container": None}, {"mcp_servers": []}, {"max_tokens": 0}]
)
def test_what_asks_for_nothing_is_not_refused(harmless):
    assert decode(harmless)


def test_counting_takes_the_same_body_without_the_rest():
    body = msgspec.convert(
        {"model": "claude-sonnet-4", "messages": [HI], "max_tokens": "x"}, CountBody
    )
    assert decode_count(body) == decode({})


TITLE = {"type": "object", "properties": {"title": {"type": "string"}}}
TITLED = {"type": "json_schema", "schema": TITLE}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, None),
        ({"output_config": {"effort": "low"}}, None),
        ({"output_config": {"format": None}}, None),
        ({"output_config": {"format": TITLED}}, Format("output_config.format", TITLE)),
        ({"output_format": TITLED}, Format("output_format", TITLE)),
    ],
)
def test_the_form_of_the_answer(body, expected):
    assert decode_format(shaped(body)) == expected


@pytest.mark.parametrize(
    "wrong", [{"type": "poem"}, {"type": "json_schema"}, {**TITLED, "schema": 7}]
)
def test_a_form_that_cannot_be_had_is_refused(wrong):
    with pytest.raises(BadRequest) as refused:
        decode_format(shaped({"output_config": {"format": wrong}}))
    assert refused.value.message.startswith("output_config.format")


MARKED = {"cache_control": {"type": "ephemeral"}}
TOOL = {"name": "a", "input_schema": {}}


def saying(role: str, *blocks: dict[str, Any]) -> dict[str, Any]:
    return {
        "role": role,
        "content": [{"type": "text", "text": "a"} | b for b in blocks],
    }


MARKS: dict[str, tuple[dict[str, Any], bool, list[bool]]] = {
    "nothing": ({"system": "S", "tools": [TOOL]}, False, [False]),
    "the system text": (
        {
            "system": [
                {"type": "text", "text": "S"},
                {"type": "text", "text": "T"} | MARKED,
            ]
        },
        True,
        [False],
    ),
    "a tool": ({"tools": [TOOL | MARKED, TOOL | {"name": "b"}]}, True, [False]),
    "messages": (
        {
            "messages": [
                saying("user", {}, MARKED),
                saying("assistant", {}, {"cache_control": None}),
                saying("user", MARKED, {}),
            ]
        },
        False,
        [True, False, True],
    ),
    "all of it": (
        {"messages": [HI, saying("assistant", {}), HI], **MARKED},
        False,
        [False, False, True],
    ),
}


@pytest.mark.parametrize("what", MARKS)
def test_what_the_client_marked_is_to_be_cached(what):
    body, beginning, messages = MARKS[what]
    prompt = decode(body)
    assert prompt.cache is beginning
    assert [message.cache for message in prompt.messages] == messages
