"""Neutral events to Chat Completions: whole streams, compared with literals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.errors import PoolPausing, PromptTooLong, UpstreamFailed
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
from proxy.openai.encoder import ChatStream, Completion, encode_reply
from proxy.openai_errors import error_body
from proxy.tests.grammar import check_grammar

MODEL = 'claude "4"'
COMPLETION = Completion(MODEL, id="chatcmpl-1", created=1764000000)
LEGACY = Completion(MODEL, legacy=True, id="chatcmpl-1", created=1764000000)
USAGE = Usage(
    input_tokens=8, output_tokens=2, cache_read_tokens=3, cache_write_tokens=1
)
HEAD = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1764000000,
    "model": MODEL,
    "system_fingerprint": None,
}
USAGE_ON_THE_WIRE = {
    "prompt_tokens": 12,
    "completion_tokens": 2,
    "total_tokens": 14,
    "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 1},
}

TEXT: list[Event] = [
    PartStart(0, Text("")),
    PartDelta(0, "Hel"),
    PartDelta(0, 'lo "you"\n'),
    PartEnd(0),
    Finish("end", USAGE),
]
TOOLS: list[Event] = [
    PartStart(0, Thinking("")),
    PartDelta(0, "Hm."),
    PartEnd(0, "signed"),
    PartStart(1, RedactedThinking("xyz")),
    PartEnd(1),
    PartStart(2, ServerToolUse("s1", "web_search", {})),
    PartDelta(2, '{"query":"Oslo"}'),
    PartEnd(2),
    PartStart(3, ServerToolResult("s1", fault="unavailable")),
    PartEnd(3),
    PartStart(4, Text("")),
    PartDelta(4, "Looking."),
    PartEnd(4),
    PartStart(5, ToolUse("t1", "weather", {})),
    PartDelta(5, '{"city":'),
    PartDelta(5, '"Oslo"}'),
    PartEnd(5),
    PartStart(6, ToolUse("t2", "time", {})),
    PartEnd(6),
    Finish("tool_use", USAGE),
]
ONE_TOOL: list[Event] = [
    PartStart(0, ToolUse("t1", "weather", {})),
    PartDelta(0, '{"city":"Oslo"}'),
    PartEnd(0),
    Finish("tool_use", USAGE),
]
CUT: list[Event] = [
    PartStart(0, ToolUse("t1", "weather", {})),
    PartDelta(0, '{"ci'),
    Finish("token_limit", USAGE),
]


def written(stream: bytes) -> list[Any]:
    """The content of the data lines, [DONE] as it stands."""
    assert stream.endswith(b"\n\n")
    lines = stream.decode().removesuffix("\n\n").split("\n\n")
    assert all(line.startswith("data: ") for line in lines)
    data = [line.removeprefix("data: ") for line in lines]
    return [entry if entry == "[DONE]" else json.loads(entry) for entry in data]


def streamed(
    events: list[Event],
    completion: Completion = COMPLETION,
    include_usage: bool = False,
) -> list[Any]:
    """The stream, the same whether the events come at once or one by one."""
    check_grammar(events)
    at_once = ChatStream(completion, include_usage)
    one_by_one = ChatStream(completion, include_usage)
    whole = at_once.start() + at_once.feed(events)
    pieces = one_by_one.start() + b"".join(one_by_one.feed([e]) for e in events)
    assert whole == pieces
    return written(whole)


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {
        "index": 0,
        "delta": delta,
        "logprobs": None,
        "finish_reason": finish_reason,
    }
    return {**HEAD, "choices": [choice]}


def call(index: int, arguments: str, **first: Any) -> dict[str, Any]:
    name = {"name": first.pop("name")} if first else {}
    function = {**name, "arguments": arguments}
    return {"tool_calls": [{"index": index, **first, "function": function}]}


def test_text_streams_as_content():
    assert streamed(TEXT) == [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hel"}),
        chunk({"content": 'lo "you"\n'}),
        chunk({}, "stop"),
        "[DONE]",
    ]


def test_nothing_but_done_follows_the_usage():
    assert streamed(TEXT, include_usage=True)[-3:] == [
        chunk({}, "stop"),
        {**HEAD, "choices": [], "usage": USAGE_ON_THE_WIRE},
        "[DONE]",
    ]


def test_tool_calls_say_id_type_and_name_once():
    assert streamed(TOOLS) == [
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "Hm."}),
        chunk({"content": "Looking."}),
        chunk(call(0, "", id="t1", type="function", name="weather")),
        chunk(call(0, '{"city":')),
        chunk(call(0, '"Oslo"}')),
        chunk(call(1, "", id="t2", type="function", name="time")),
        chunk(call(1, "{}")),
        chunk({}, "tool_calls"),
        "[DONE]",
    ]


def test_the_old_function_form_streams_as_such():
    assert streamed(ONE_TOOL, LEGACY) == [
        chunk({"role": "assistant", "content": ""}),
        chunk({"function_call": {"name": "weather", "arguments": ""}}),
        chunk({"function_call": {"arguments": '{"city":"Oslo"}'}}),
        chunk({}, "function_call"),
        "[DONE]",
    ]


def test_a_cut_tool_call_ends_in_an_error_and_without_a_finish():
    *chunks, last = streamed(CUT, include_usage=True)
    assert chunks == [
        chunk({"role": "assistant", "content": ""}),
        chunk(call(0, "", id="t1", type="function", name="weather")),
        chunk(call(0, '{"ci')),
    ]
    assert last == {
        "error": {
            "message": "the reply was cut in the middle of a tool call",
            "type": "server_error",
            "param": None,
            "code": None,
        }
    }


def test_an_error_takes_the_place_of_the_end():
    stream = ChatStream(COMPLETION, include_usage=True)
    stream.feed(TEXT[:2])
    assert written(stream.error(UpstreamFailed("it broke"))) == [
        {
            "error": {
                "message": "it broke",
                "type": "server_error",
                "param": None,
                "code": None,
            }
        }
    ]


def test_a_ping_is_a_comment():
    assert ChatStream(COMPLETION, include_usage=False).ping() == b": ping\n\n"


def test_the_unstreamed_answer_holds_the_same():
    assert encode_reply(fold(TOOLS), COMPLETION) == {
        **HEAD,
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Looking.",
                    "refusal": None,
                    "reasoning_content": "Hm.",
                    "tool_calls": [
                        {
                            "id": "t1",
                            "type": "function",
                            "function": {
                                "name": "weather",
                                "arguments": '{"city":"Oslo"}',
                            },
                        },
                        {
                            "id": "t2",
                            "type": "function",
                            "function": {"name": "time", "arguments": "{}"},
                        },
                    ],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
        ],
        "usage": USAGE_ON_THE_WIRE,
    }


def test_the_unstreamed_old_form():
    [choice] = encode_reply(fold(ONE_TOOL), LEGACY)["choices"]
    assert choice["finish_reason"] == "function_call"
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "function_call": {"name": "weather", "arguments": '{"city":"Oslo"}'},
    }


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("end", "stop"),
        ("stop_sequence", "stop"),
        ("token_limit", "length"),
        ("context_window", "length"),
        ("refusal", "content_filter"),
    ],
)
def test_why_a_reply_ended(reason: Any, said: str):
    events: list[Event] = [*TEXT[:-1], Finish(reason, USAGE)]
    assert streamed(events)[-2] == chunk({}, said)
    assert encode_reply(fold(events), COMPLETION)["choices"][0]["finish_reason"] == said


def test_an_answer_without_any_text_is_an_empty_one():
    reply = fold([Finish("refusal", Usage())])
    answer = encode_reply(reply, COMPLETION)
    assert answer["choices"][0]["message"]["content"] == ""
    assert answer["usage"]["prompt_tokens"] == 1
    assert answer["usage"]["completion_tokens"] == 1


def test_each_completion_has_an_id_of_its_own():
    assert Completion(MODEL).id != Completion(MODEL).id


def test_too_long_a_prompt_is_told_in_the_words_of_both_vendors():
    error = error_body(PromptTooLong(210_000, 200_000))["error"]
    assert error["code"] == "context_length_exceeded"
    assert error["message"] == (
        "This model's maximum context length is exceeded: "
        "prompt is too long: 210000 tokens > 200000 maximum"
    )


def test_every_error_has_all_four_keys():
    assert error_body(PoolPausing("later")) == {
        "error": {
            "message": "later",
            "type": "rate_limit_error",
            "param": None,
            "code": "rate_limit_exceeded",
        }
    }
