"""Neutral events to the Messages API's stream, answer and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.anthropic.encoder import (
    MessageStream,
    encode_reply,
    error_body,
)
from proxy.errors import (
    BadRequest,
    BodyTooLarge,
    GatewayError,
    KeyMissing,
    ModelOverloaded,
    ModelUnknown,
    PoolEmpty,
    PoolPausing,
    PromptTooLong,
    StreamBroken,
    UpstreamTimeout,
)
from proxy.messages import (
    Event,
    Finish,
    PartDelta,
    PartEnd,
    PartStart,
    RedactedThinking,
    SearchResult,
    ServerToolResult,
    ServerToolUse,
    Text,
    Thinking,
    ToolUse,
    Usage,
    fold,
)
from proxy.tests.grammar import check_grammar

USAGE = Usage(
    input_tokens=812, output_tokens=57, cache_read_tokens=300, cache_write_tokens=20
)
FOUND = ServerToolResult(
    "search-1",
    (
        SearchResult(
            "https://example.com/a", "A page", "What it says: ü", "2026-10-01"
        ),
        SearchResult("https://example.com/b", "Another", "More"),
    ),
)

EVERY_PART: list[Event] = check_grammar(
    [
        PartStart(0, Thinking("")),
        PartDelta(0, "Let me "),
        PartDelta(0, "think"),
        PartEnd(0, "c2lnbmVk"),
        PartStart(1, RedactedThinking("cmVkYWN0ZWQ=")),
        PartEnd(1),
        PartStart(2, ServerToolUse("search-1", "web_search", {})),
        PartDelta(2, '{"query":"ü"}'),
        PartEnd(2),
        PartStart(3, FOUND),
        PartEnd(3),
        PartStart(4, Text("")),
        PartDelta(4, 'Line\n"quoted" ü'),
        PartEnd(4),
        PartStart(5, ToolUse("toolu_1", "Read", {})),
        PartDelta(5, '{"path":'),
        PartDelta(5, '"a.txt"}'),
        PartEnd(5),
        PartStart(6, ToolUse("toolu_2", "List", {})),
        PartEnd(6),
        Finish("tool_use", USAGE + Usage(searches=1)),
    ]
)

FOUND_CONTENT = [
    {
        "type": "web_search_result",
        "url": "https://example.com/a",
        "title": "A page",
        "encrypted_content": "V2hhdCBpdCBzYXlzOiDDvA==",
        "page_age": "2026-10-01",
    },
    {
        "type": "web_search_result",
        "url": "https://example.com/b",
        "title": "Another",
        "encrypted_content": "TW9yZQ==",
        "page_age": None,
    },
]
TOLD_USAGE = {
    "input_tokens": 812,
    "cache_creation_input_tokens": 20,
    "cache_read_input_tokens": 300,
    "output_tokens": 57,
    "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
}


def stream() -> MessageStream:
    return MessageStream("claude-sonnet-4-20250514", 640, "req_1")


def read(data: bytes) -> list[dict[str, Any]]:
    """The events as a client reads them, each named by its own type."""
    events = []
    for event in data.decode().removesuffix("\n\n").split("\n\n"):
        name, content = event.split("\n")
        decoded = json.loads(content.removeprefix("data: "))
        assert name == f"event: {decoded['type']}"
        events.append(decoded)
    return events


def start(index: int, block: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, **delta: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def test_a_stream_of_every_part():
    assert read(stream().feed(EVERY_PART)) == [
        start(0, {"type": "thinking", "thinking": "", "signature": ""}),
        delta(0, type="thinking_delta", thinking="Let me "),
        delta(0, type="thinking_delta", thinking="think"),
        delta(0, type="signature_delta", signature="c2lnbmVk"),
        stop(0),
        start(1, {"type": "redacted_thinking", "data": "cmVkYWN0ZWQ="}),
        stop(1),
        start(
            2,
            {
                "type": "server_tool_use",
                "id": "srvtoolu_search-1",
                "name": "web_search",
                "input": {},
            },
        ),
        delta(2, type="input_json_delta", partial_json='{"query":"ü"}'),
        stop(2),
        start(
            3,
            {
                "type": "web_search_tool_result",
                "tool_use_id": "srvtoolu_search-1",
                "content": FOUND_CONTENT,
            },
        ),
        stop(3),
        start(4, {"type": "text", "text": ""}),
        delta(4, type="text_delta", text='Line\n"quoted" ü'),
        stop(4),
        start(5, {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}),
        delta(5, type="input_json_delta", partial_json='{"path":'),
        delta(5, type="input_json_delta", partial_json='"a.txt"}'),
        stop(5),
        start(6, {"type": "tool_use", "id": "toolu_2", "name": "List", "input": {}}),
        stop(6),
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": TOLD_USAGE,
        },
        {"type": "message_stop"},
    ]


def test_an_event_at_a_time_writes_the_same_bytes():
    one_by_one = stream()
    singly = b"".join(one_by_one.feed([event]) for event in EVERY_PART)
    assert singly == stream().feed(EVERY_PART)


def test_an_event_is_its_name_and_one_line_of_data():
    encoder = stream()
    encoder.feed([PartStart(0, Text(""))])
    assert encoder.feed([PartDelta(0, "a\n\u2028b")]) == (
        b"event: content_block_delta\n"
        b'data: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"a\\n\xe2\x80\xa8b"}}\n\n'
    )


def test_the_opening_event_estimates_the_input():
    (opening,) = read(stream().start())
    message_id = opening["message"].pop("id")
    assert message_id.startswith("msg_")
    assert opening == {
        "type": "message_start",
        "message": {
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-20250514",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {
                "input_tokens": 640,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": 1,
            },
        },
    }


def test_every_message_has_an_id_of_its_own():
    ids = {read(stream().start())[0]["message"]["id"] for _ in range(100)}
    assert len(ids) == 100


def test_a_ping():
    assert stream().ping() == b'event: ping\ndata: {"type":"ping"}\n\n'


def test_the_answer_without_a_stream_is_the_fold_of_the_same_events():
    answer = encode_reply(fold(EVERY_PART), "claude-sonnet-4-20250514")
    assert answer.pop("id").startswith("msg_")
    assert answer == {
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-20250514",
        "content": [
            {"type": "thinking", "thinking": "Let me think", "signature": "c2lnbmVk"},
            {"type": "redacted_thinking", "data": "cmVkYWN0ZWQ="},
            {
                "type": "server_tool_use",
                "id": "srvtoolu_search-1",
                "name": "web_search",
                "input": {"query": "ü"},
            },
            {
                "type": "web_search_tool_result",
                "tool_use_id": "srvtoolu_search-1",
                "content": FOUND_CONTENT,
            },
            {"type": "text", "text": 'Line\n"quoted" ü'},
            {
                "type": "tool_use",
                "id": "toolu_1",
                "name": "Read",
                "input": {"path": "a.txt"},
            },
            {"type": "tool_use", "id": "toolu_2", "name": "List", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": TOLD_USAGE,
    }


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("no_query", "invalid_tool_input"),
        ("query_too_long", "query_too_long"),
        ("uses_spent", "max_uses_exceeded"),
        ("unavailable", "unavailable"),
    ],
)
def test_a_search_that_failed_is_a_block_too(fault, code):
    encoder = stream()
    (block, _) = read(
        encoder.feed([PartStart(0, ServerToolResult("s", fault=fault)), PartEnd(0)])
    )
    assert block["content_block"] == {
        "type": "web_search_tool_result",
        "tool_use_id": "srvtoolu_s",
        "content": {"type": "web_search_tool_result_error", "error_code": code},
    }


@pytest.mark.parametrize(
    ("reason", "stop_reason"),
    [
        ("end", "end_turn"),
        ("tool_use", "tool_use"),
        ("token_limit", "max_tokens"),
        ("refusal", "refusal"),
        ("context_window", "model_context_window_exceeded"),
    ],
)
def test_stop_reasons(reason, stop_reason):
    (finish, _) = read(stream().feed([Finish(reason, USAGE)]))
    assert finish["delta"] == {"stop_reason": stop_reason, "stop_sequence": None}


def test_the_stop_sequence_that_ended_a_reply_is_named():
    finish = Finish("stop_sequence", USAGE, "END")
    (told, _) = read(stream().feed([finish]))
    assert told["delta"] == {"stop_reason": "stop_sequence", "stop_sequence": "END"}
    assert encode_reply(fold([finish]), "claude")["stop_sequence"] == "END"


def test_counts_are_never_zero():
    (finish, _) = read(stream().feed([Finish("end", Usage())]))
    assert finish["usage"]["input_tokens"] == 1
    assert finish["usage"]["output_tokens"] == 1


# Ends that are no good ends

CUT_TOOL: list[Event] = [
    PartStart(0, Text("")),
    PartDelta(0, "I read"),
    PartEnd(0),
    PartStart(1, ToolUse("toolu_1", "Read", {})),
    PartDelta(1, '{"pa'),
]


def test_a_cut_tool_use_is_never_closed():
    cut = check_grammar([*CUT_TOOL, Finish("token_limit", USAGE)])
    told = read(stream().feed(cut))
    assert [event["type"] for event in told[-3:]] == [
        "content_block_delta",
        "message_delta",
        "message_stop",
    ]
    assert told[-2]["delta"]["stop_reason"] == "max_tokens"


def test_a_cut_tool_use_is_not_in_the_answer_without_a_stream():
    answer = encode_reply(fold([*CUT_TOOL, Finish("token_limit", USAGE)]), "claude")
    assert answer["content"] == [{"type": "text", "text": "I read"}]
    assert answer["stop_reason"] == "max_tokens"


def types_after_an_error(events: list[Event]) -> list[str]:
    encoder = stream()
    before = encoder.feed(events)
    told = read(before + encoder.error(StreamBroken("cut")))
    return [event["type"] for event in told][-2:]


@pytest.mark.parametrize("part", [Text(""), Thinking("")])
def test_an_error_closes_an_open_text_first(part):
    events: list[Event] = [PartStart(0, part), PartDelta(0, "So ")]
    assert types_after_an_error(events) == ["content_block_stop", "error"]


@pytest.mark.parametrize(
    "part", [ToolUse("a", "Read", {}), ServerToolUse("a", "web_search", {})]
)
def test_an_error_leaves_a_cut_tool_use_open(part):
    events: list[Event] = [PartStart(0, part), PartDelta(0, '{"a')]
    assert types_after_an_error(events) == ["content_block_delta", "error"]


def test_an_error_closes_nothing_twice():
    events: list[Event] = [PartStart(0, Text("")), PartEnd(0)]
    assert types_after_an_error(events) == ["content_block_stop", "error"]
    encoder = stream()
    encoder.feed(events)
    assert [event["type"] for event in read(encoder.error(StreamBroken("cut")))] == [
        "error"
    ]


def test_an_error_event_is_the_body_of_an_error():
    error = ModelOverloaded("no capacity")
    assert read(stream().error(error)) == [error_body(error, "req_1")]


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (BadRequest("tools: no"), 400, "invalid_request_error"),
        (PromptTooLong(210_000, 200_000), 400, "invalid_request_error"),
        (KeyMissing("no key"), 401, "authentication_error"),
        (ModelUnknown("x", ["y"]), 404, "not_found_error"),
        (BodyTooLarge("too large"), 413, "request_too_large"),
        (PoolPausing("pausing"), 429, "rate_limit_error"),
        (GatewayError("broken"), 500, "api_error"),
        (StreamBroken("cut"), 502, "api_error"),
        (PoolEmpty("no account"), 503, "api_error"),
        (UpstreamTimeout("silent"), 504, "timeout_error"),
        (ModelOverloaded("no capacity"), 529, "overloaded_error"),
    ],
)
def test_every_failure_has_its_type(error, status, kind):
    assert error.status == status
    assert error_body(error, "req_1") == {
        "type": "error",
        "error": {"type": kind, "message": error.message},
        "request_id": "req_1",
    }


def test_a_prompt_that_is_too_long_is_told_in_the_words_clients_know():
    body = error_body(PromptTooLong(210_000, 200_000), "req_1")
    assert body["error"]["message"] == (
        "prompt is too long: 210000 tokens > 200000 maximum"
    )
