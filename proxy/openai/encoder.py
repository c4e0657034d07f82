"""Neutral events -> the Chat Completions API's stream and answer.

Chunks of one completion carry the same id, and stand in this order: the role;
text, reasoning and tool calls as they come; the finish reason; the usage, if it
was asked for; [DONE]. A tool call has its id, type and name in its first chunk
and never again: clients append what is repeated. An error takes the place of
everything that is left, [DONE] included.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, assert_never

import msgspec

from proxy.errors import GatewayError, StreamBroken
from proxy.messages import (
    Event,
    Finish,
    FinishReason,
    PartDelta,
    PartEnd,
    PartStart,
    RedactedThinking,
    Reply,
    ServerToolResult,
    ServerToolUse,
    Text,
    Thinking,
    ToolUse,
    Usage,
)
from proxy.openai_errors import error_body

FINISH_REASONS: dict[FinishReason, str] = {
    "end": "stop",
    "tool_use": "tool_calls",
    "token_limit": "length",
    "stop_sequence": "stop",
    "refusal": "content_filter",
    "context_window": "length",
}

_json = msgspec.json.Encoder().encode

DONE = b"data: [DONE]\n\n"
# Stands for the text in a chunk that is written around it.
_GAP = _json("\0")


def new_id() -> str:
    return f"chatcmpl-{secrets.token_hex(12)}"


def now() -> int:
    return int(time.time())


@dataclass(frozen=True, slots=True)
class Completion:
    """What is the same in every chunk of a completion."""

    model: str
    """As the client wrote it."""
    legacy: bool = False
    """The client knows `function_call`, not `tool_calls`."""
    id: str = field(default_factory=new_id)
    created: int = field(default_factory=now)

    def head(self, object_: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": object_,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
        }

    def finish_reason(self, finish: Finish) -> str:
        reason = FINISH_REASONS[finish.reason]
        return "function_call" if self.legacy and reason == "tool_calls" else reason


class ChatStream:
    def __init__(self, completion: Completion, include_usage: bool) -> None:
        self._completion = completion
        self._include_usage = include_usage
        self._tools = 0
        self._tool_is_open = False
        self._tool_has_input = False
        self._around: tuple[bytes, bytes] | None = None

    def start(self) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    def feed(self, events: Iterable[Event]) -> bytes:
        return b"".join([self._encode(event) for event in events])

    def ping(self) -> bytes:
        return b": ping\n\n"

    def error(self, error: GatewayError) -> bytes:
        return _data(error_body(error))

    def _encode(self, event: Event) -> bytes:
        match event:
            case PartDelta(text=text):
                # The event there are most of: written once, around its text.
                if self._around is None:
                    return b""
                self._tool_has_input = True
                return _json(text).join(self._around)
            case PartStart():
                return self._part_start(event)
            case PartEnd():
                return self._part_end()
            case Finish():
                return self._finish(event)
            case _:
                assert_never(event)

    def _part_start(self, event: PartStart) -> bytes:
        match event.part:
            case Text():
                self._around = self._chunk_around({"content": "\0"})
            case Thinking():
                self._around = self._chunk_around({"reasoning_content": "\0"})
            case ToolUse(tool_id, name):
                self._tool_is_open, self._tool_has_input = True, False
                piece = self._call_piece({"arguments": "\0"})
                self._around = self._chunk_around(piece)
                function = {"name": name, "arguments": ""}
                return self._chunk(
                    self._call_piece(function, id=tool_id, type="function")
                )
            case RedactedThinking() | ServerToolUse() | ServerToolResult():
                self._around = None  # this API has no place for them
            case _:
                assert_never(event.part)
        return b""

    def _part_end(self) -> bytes:
        if not self._tool_is_open:
            return b""
        self._tool_is_open = False
        piece = self._call_piece({"arguments": "{}"})
        self._tools += 1
        return b"" if self._tool_has_input else self._chunk(piece)

    def _call_piece(self, function: dict[str, str], **first: str) -> dict[str, Any]:
        if self._completion.legacy:
            return {"function_call": function}
        return {"tool_calls": [{"index": self._tools, **first, "function": function}]}

    def _finish(self, event: Finish) -> bytes:
        if self._tool_is_open:
            # Some clients run what they have of a call, whatever the finish says.
            cut = StreamBroken("the reply was cut in the middle of a tool call")
            return self.error(cut)
        end = self._chunk({}, self._completion.finish_reason(event))
        if self._include_usage:
            end += self._write({"choices": [], "usage": usage(event.usage)})
        return end + DONE

    def _chunk_around(self, delta: dict[str, Any]) -> tuple[bytes, bytes]:
        """What stands before and after the text that is a NUL in `delta`."""
        before, _, after = self._chunk(delta).rpartition(_GAP)
        return before, after

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": None,
            "finish_reason": finish_reason,
        }
        return self._write({"choices": [choice]})

    def _write(self, members: dict[str, Any]) -> bytes:
        return _data({**self._completion.head("chat.completion.chunk"), **members})


def _data(content: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % _json(content)


def encode_reply(reply: Reply, completion: Completion) -> dict[str, Any]:
    finish = reply.whole
    choice = {
        "index": 0,
        "message": _message(reply, completion.legacy),
        "logprobs": None,
        "finish_reason": completion.finish_reason(finish),
    }
    return {
        **completion.head("chat.completion"),
        "choices": [choice],
        "usage": usage(finish.usage),
    }


def _message(reply: Reply, legacy: bool) -> dict[str, Any]:
    texts = [part.text for part in reply.parts if isinstance(part, Text)]
    thoughts = [part.text for part in reply.parts if isinstance(part, Thinking)]
    calls = [_call(part) for part in reply.parts if isinstance(part, ToolUse)]
    content = "".join(texts)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": content or (None if calls else ""),
        "refusal": None,
    }
    if thoughts:
        message["reasoning_content"] = "".join(thoughts)
    if calls and legacy:
        message["function_call"] = calls[0]["function"]
    elif calls:
        message["tool_calls"] = calls
    return message


def _call(use: ToolUse) -> dict[str, Any]:
    function = {"name": use.name, "arguments": _json(use.input).decode()}
    return {"id": use.id, "type": "function", "function": function}


def usage(usage: Usage) -> dict[str, Any]:
    """Here, what a cache had to do with is counted among the input. Clients take
    a zero for "not told": what was counted is at least one."""
    cached, written = usage.cache_read_tokens, usage.cache_write_tokens
    prompt = max(usage.input_tokens + cached + written, 1)
    completion = max(usage.output_tokens, 1)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {
            "cached_tokens": cached,
            "cache_write_tokens": written,
        },
    }
