"""Neutral events to Responses: whole streams, compared with literals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.errors import PoolPausing, UpstreamFailed
from proxy.messages import (
    Event,
    Finish,
    PartDelta,
    PartEnd,
    PartStart,
    RedactedThinking,
    ServerToolResult,
    ServerToolUse,
    Text,
    Thinking,
    ToolUse,
    Usage,
    fold,
)
from proxy.responses.encoder import ResponseStream
from proxy.responses.output import Outline, referenced
from proxy.responses.tools import Spelling
from proxy.tests.grammar import check_grammar

KEY = "0123456789abcdef"
OUTLINE = Outline(
    "claude-x",
    {"store": True},
    Spelling(frozenset({"patch"}), {"github__search": ("github", "search")}),
    KEY,
    1764000000,
)
USAGE = Usage(
    input_tokens=8, output_tokens=2, cache_read_tokens=3, cache_write_tokens=1
)
USAGE_ON_THE_WIRE = {
    "input_tokens": 12,
    "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 1},
    "output_tokens": 2,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 14,
}

Stream = list[tuple[str, dict[str, Any]]]


def part(index: int, start: Any, *pieces: str, signature: str = "") -> list[Event]:
    deltas = [PartDelta(index, piece) for piece in pieces]
    return [PartStart(index, start), *deltas, PartEnd(index, signature)]


def reply(*parts: list[Event], reason: Any = "end") -> list[Event]:
    return [*(event for part in parts for event in part), Finish(reason, USAGE)]


def read(written: bytes) -> Stream:
    """Names and data of the events, their numbers checked and taken off."""
    assert written.endswith(b"\n\n")
    events: Stream = []
    for block in written.decode().removesuffix("\n\n").split("\n\n"):
        name, data = block.split("\n")
        members = json.loads(data.removeprefix("data: "))
        assert name == f"event: {members.pop('type')}"
        assert members.pop("sequence_number") == len(events)
        events.append((name.removeprefix("event: "), members))
    return events


def streamed(events: list[Event]) -> Stream:
    """The stream after its opening, the same at once and one by one."""
    check_grammar(events)
    at_once, one_by_one = ResponseStream(OUTLINE), ResponseStream(OUTLINE)
    whole = at_once.start() + at_once.feed(events)
    single = one_by_one.start() + b"".join(one_by_one.feed([e]) for e in events)
    first, second, *rest = read(whole)
    assert (first, second) == (
        ("response.created", {"response": response("in_progress")}),
        ("response.in_progress", {"response": response("in_progress")}),
    )
    # All but the time of its completion, which is in the last event.
    assert read(single)[2:-1] == rest[:-1]
    return rest


def response(status: str, **members: Any) -> dict[str, Any]:
    return {
        "id": f"resp_{KEY}",
        "object": "response",
        "created_at": 1764000000,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": "claude-x",
        "output": [],
        "usage": None,
        "store": True,
        **members,
    }


def ended(stream: Stream) -> tuple[str, dict[str, Any]]:
    """The last event, without the time of its completion."""
    name, members = stream[-1]
    whole = members["response"]
    assert ("completed_at" in whole) == (whole["status"] == "completed")
    return name, {k: v for k, v in whole.items() if k != "completed_at"}


def message(index: int, text: str) -> dict[str, Any]:
    return {
        "id": f"msg_{KEY}_{index}",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }


def test_text_is_a_message():
    item_id = f"msg_{KEY}_0"
    place = {"item_id": item_id, "output_index": 0, "content_index": 0}
    empty = {"type": "output_text", "text": "", "annotations": []}
    whole = message(0, 'Hel"lo')
    stream = streamed(reply(part(0, Text(""), "Hel", '"lo')))
    assert stream[:-1] == [
        (
            "response.output_item.added",
            {
                "output_index": 0,
                "item": {**whole, "status": "in_progress", "content": []},
            },
        ),
        ("response.content_part.added", {**place, "part": empty}),
        ("response.output_text.delta", {**place, "delta": "Hel", "logprobs": []}),
        ("response.output_text.delta", {**place, "delta": '"lo', "logprobs": []}),
        ("response.output_text.done", {**place, "text": 'Hel"lo', "logprobs": []}),
        ("response.content_part.done", {**place, "part": whole["content"][0]}),
        ("response.output_item.done", {"output_index": 0, "item": whole}),
    ]
    assert ended(stream) == (
        "response.completed",
        response("completed", output=[whole], usage=USAGE_ON_THE_WIRE),
    )


def test_thinking_is_a_reasoning_item_with_a_summary():
    item_id = f"rs_{KEY}_0"
    place = {"item_id": item_id, "output_index": 0, "summary_index": 0}
    whole = {
        "id": item_id,
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Hm."}],
        "encrypted_content": "signature.abc",
    }
    opened = {**whole, "summary": [], "encrypted_content": None}
    [*stream, _] = streamed(reply(part(0, Thinking(""), "Hm.", signature="abc")))
    assert stream == [
        ("response.output_item.added", {"output_index": 0, "item": opened}),
        (
            "response.reasoning_summary_part.added",
            {**place, "part": {"type": "summary_text", "text": ""}},
        ),
        ("response.reasoning_summary_text.delta", {**place, "delta": "Hm."}),
        ("response.reasoning_summary_text.done", {**place, "text": "Hm."}),
        (
            "response.reasoning_summary_part.done",
            {**place, "part": whole["summary"][0]},
        ),
        ("response.output_item.done", {"output_index": 0, "item": whole}),
    ]


def test_hidden_thinking_is_a_reasoning_item_without_one():
    whole = {
        "id": f"rs_{KEY}_0",
        "type": "reasoning",
        "summary": [],
        "encrypted_content": "redacted.xyz",
    }
    [*stream, _] = streamed(reply(part(0, RedactedThinking("xyz"))))
    assert stream == [
        ("response.output_item.added", {"output_index": 0, "item": whole}),
        ("response.output_item.done", {"output_index": 0, "item": whole}),
    ]


def test_a_tool_use_is_a_function_call():
    item_id = f"fc_{KEY}_0"
    place = {"item_id": item_id, "output_index": 0}
    whole = {
        "id": item_id,
        "type": "function_call",
        "status": "completed",
        "call_id": "t1",
        "name": "weather",
        "arguments": '{"city":"Oslo"}',
    }
    opened = {**whole, "status": "in_progress", "arguments": ""}
    use = part(0, ToolUse("t1", "weather", {}), '{"city":', '"Oslo"}')
    [*stream, _] = streamed(reply(use, reason="tool_use"))
    assert stream == [
        ("response.output_item.added", {"output_index": 0, "item": opened}),
        ("response.function_call_arguments.delta", {**place, "delta": '{"city":'}),
        ("response.function_call_arguments.delta", {**place, "delta": '"Oslo"}'}),
        (
            "response.function_call_arguments.done",
            {**place, "name": "weather", "arguments": '{"city":"Oslo"}'},
        ),
        ("response.output_item.done", {"output_index": 0, "item": whole}),
    ]


def test_the_input_of_a_custom_tool_comes_whole():
    item_id = f"ctc_{KEY}_0"
    place = {"item_id": item_id, "output_index": 0}
    whole = {
        "id": item_id,
        "type": "custom_tool_call",
        "status": "completed",
        "call_id": "t1",
        "name": "patch",
        "input": "*** Begin\n",
    }
    opened = {**whole, "status": "in_progress", "input": ""}
    use = part(0, ToolUse("t1", "patch", {}), '{"input":"***', ' Begin\\n"}')
    [*stream, _] = streamed(reply(use, reason="tool_use"))
    assert stream == [
        ("response.output_item.added", {"output_index": 0, "item": opened}),
        ("response.custom_tool_call_input.delta", {**place, "delta": "*** Begin\n"}),
        ("response.custom_tool_call_input.done", {**place, "input": "*** Begin\n"}),
        ("response.output_item.done", {"output_index": 0, "item": whole}),
    ]


def test_a_search_is_an_item_and_its_result_is_none():
    item_id = f"ws_{KEY}_0"
    place = {"item_id": item_id, "output_index": 0}
    whole = {
        "id": item_id,
        "type": "web_search_call",
        "status": "completed",
        "action": {"type": "search", "query": "Oslo"},
    }
    opened = {
        **whole,
        "status": "in_progress",
        "action": {"type": "search", "query": ""},
    }
    stream = streamed(
        reply(
            part(0, ServerToolUse("s1", "web_search", {}), '{"query":"Oslo"}'),
            part(1, ServerToolResult("s1", fault="unavailable")),
            part(2, Text(""), "Sunny."),
        )
    )
    assert stream[:5] == [
        ("response.output_item.added", {"output_index": 0, "item": opened}),
        ("response.web_search_call.in_progress", place),
        ("response.web_search_call.searching", place),
        ("response.web_search_call.completed", place),
        ("response.output_item.done", {"output_index": 0, "item": whole}),
    ]
    assert ended(stream)[1]["output"] == [whole, message(1, "Sunny.")]


def test_a_tool_of_a_namespace_is_called_by_both_names():
    use = part(0, ToolUse("t1", "github__search", {}))
    [item] = ended(streamed(reply(use, reason="tool_use")))[1]["output"]
    assert (item["namespace"], item["name"]) == ("github", "search")
    assert item["arguments"] == "{}"


def test_a_cut_tool_call_is_never_done():
    events = [
        *part(0, Text(""), "Well,"),
        PartStart(1, ToolUse("t1", "weather", {})),
        PartDelta(1, '{"ci'),
        Finish("token_limit", USAGE),
    ]
    stream = streamed(events)
    done = [data["item"] for name, data in stream if name.endswith("item.done")]
    assert done == [message(0, "Well,")]
    assert ended(stream) == (
        "response.incomplete",
        response(
            "incomplete",
            incomplete_details={"reason": "max_output_tokens"},
            output=[message(0, "Well,")],
            usage=USAGE_ON_THE_WIRE,
        ),
    )


@pytest.mark.parametrize(
    ("reason", "status", "details"),
    [
        ("end", "completed", None),
        ("tool_use", "completed", None),
        ("stop_sequence", "completed", None),
        ("token_limit", "incomplete", {"reason": "max_output_tokens"}),
        ("context_window", "incomplete", {"reason": "max_output_tokens"}),
        ("refusal", "incomplete", {"reason": "content_filter"}),
    ],
)
def test_why_a_response_ended(reason: Any, status: str, details: Any):
    name, whole = ended(streamed(reply(part(0, Text(""), "Hi"), reason=reason)))
    assert name == f"response.{status}"
    assert (whole["status"], whole["incomplete_details"]) == (status, details)


def test_the_unstreamed_answer_is_the_last_event():
    events = reply(
        part(0, Thinking(""), "Hm.", signature="abc"),
        part(1, RedactedThinking("xyz")),
        part(2, Text(""), "Looking."),
        part(3, ToolUse("t1", "patch", {}), '{"input":"x"}'),
    )
    unstreamed = OUTLINE.finished(fold(events))
    del unstreamed["completed_at"]
    assert ended(streamed(events))[1] == unstreamed


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UpstreamFailed("it broke"), "server_error"),
        (PoolPausing("later"), "rate_limit_exceeded"),
    ],
)
def test_an_error_fails_the_response_and_finishes_no_item(error: Any, code: str):
    stream = ResponseStream(OUTLINE)
    written = stream.start() + stream.feed(
        [*part(0, Text(""), "Well,"), PartStart(1, Text("")), PartDelta(1, "I")]
    )
    *_, (name, data) = read(written + stream.error(error))
    assert name == "response.failed"
    assert data["response"] == response(
        "failed",
        error={"code": code, "message": error.message},
        output=[message(0, "Well,")],
    )
    assert stream.response is None


def test_an_item_can_be_named_by_its_id_alone():
    assert referenced(f"fc_{KEY}_3") == (f"resp_{KEY}", 3)
    assert referenced("msg_of_somebody_else") is None


def test_a_ping_is_a_comment():
    assert ResponseStream(OUTLINE).ping() == b": ping\n\n"
