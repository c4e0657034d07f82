"""A reply as the Responses API's `response` object and its output items.

Each part of the reply is an item of its own. Its id is made of the response's,
so that a later request may name it alone.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, assert_never

import msgspec

from proxy.errors import GatewayError
from proxy.messages import (
    FinishReason,
    RedactedThinking,
    Reply,
    ReplyPart,
    ServerToolResult,
    ServerToolUse,
    Text,
    Thinking,
    ToolUse,
    Usage,
)
from proxy.openai_errors import error_code
from proxy.responses.reasoning import seal
from proxy.responses.schemas import FormatIn, ResponsesBody, TextIn
from proxy.responses.tools import INPUT, Spelling

Json = dict[str, Any]

INCOMPLETE: dict[FinishReason, str] = {
    "token_limit": "max_output_tokens",
    "context_window": "max_output_tokens",
    "refusal": "content_filter",
}
"""Every other reason completes the response."""

_ITEM_ID = re.compile(r"[a-z]+_([0-9a-f]+)_(\d+)")


def new_key() -> str:
    return secrets.token_hex(16)


def now() -> int:
    return int(time.time())


def repeated(body: ResponsesBody, stored: bool) -> Json:
    """What of the request stands in its response. Sampling is not ours to choose:
    what was asked of it is not repeated as if it held."""
    return {
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "metadata": body.metadata or {},
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "previous_response_id": body.previous_response_id,
        "reasoning": {
            "effort": body.reasoning.effort if body.reasoning else None,
            "summary": None,
        },
        "store": stored,
        "temperature": None,
        "text": msgspec.to_builtins(body.text or TextIn(FormatIn())),
        "tool_choice": body.tool_choice or "auto",
        "tools": body.tools or [],
        "top_p": None,
        "truncation": "disabled",
    }


def referenced(item_id: str) -> tuple[str, int] | None:
    """The response an item of ours belongs to, and its place there."""
    found = _ITEM_ID.fullmatch(item_id)
    return (f"resp_{found[1]}", int(found[2])) if found else None


@dataclass(frozen=True, slots=True)
class Outline:
    """A response before there is anything in it."""

    model: str
    """As the client wrote it."""
    asked: Json
    """What of the request the API repeats."""
    spelling: Spelling = Spelling()
    key: str = field(default_factory=new_key)
    created_at: int = field(default_factory=now)

    @property
    def id(self) -> str:
        return f"resp_{self.key}"

    def response(self, status: str = "in_progress", **members: Any) -> Json:
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "model": self.model,
            "output": [],
            "usage": None,
            **self.asked,
            **members,
        }

    def finished(self, reply: Reply) -> Json:
        finish = reply.whole
        members = {"output": self.output(reply.parts), "usage": usage(finish.usage)}
        if reason := INCOMPLETE.get(finish.reason):
            details = {"reason": reason}
            return self.response("incomplete", incomplete_details=details, **members)
        return self.response("completed", completed_at=now(), **members)

    def failed(self, reply: Reply, error: GatewayError) -> Json:
        told = {"code": error_code(error) or "server_error", "message": error.message}
        return self.response("failed", error=told, output=self.output(reply.parts))

    def output(self, parts: Iterable[ReplyPart]) -> list[Json]:
        items: list[Json] = []
        for part in parts:
            if item := self.item(len(items), part):
                items.append(item)
        return items

    def item(self, index: int, part: ReplyPart) -> Json | None:
        """None for what has no item of its own."""
        match part:
            case Text(text):
                content = {"type": "output_text", "text": text, "annotations": []}
                return {
                    "id": self._item_id("msg", index),
                    "type": "message",
                    "status": "completed",
                    "role": "assistant",
                    "content": [content],
                }
            case Thinking(text):
                return {
                    "id": self._item_id("rs", index),
                    "type": "reasoning",
                    "summary": [{"type": "summary_text", "text": text}],
                    "encrypted_content": seal(part),
                }
            case RedactedThinking():
                return {
                    "id": self._item_id("rs", index),
                    "type": "reasoning",
                    "summary": [],
                    "encrypted_content": seal(part),
                }
            case ToolUse(call_id, name, given) if name in self.spelling.custom:
                text = given.get(INPUT, "")
                return {
                    "id": self._item_id("ctc", index),
                    "type": "custom_tool_call",
                    "status": "completed",
                    "call_id": call_id,
                    **self.spelling.names(name),
                    "input": text if isinstance(text, str) else _json(text),
                }
            case ToolUse(call_id, name, given):
                return {
                    "id": self._item_id("fc", index),
                    "type": "function_call",
                    "status": "completed",
                    "call_id": call_id,
                    **self.spelling.names(name),
                    "arguments": _json(given),
                }
            case ServerToolUse(input=given):
                return {
                    "id": self._item_id("ws", index),
                    "type": "web_search_call",
                    "status": "completed",
                    "action": {"type": "search", "query": str(given.get("query", ""))},
                }
            case ServerToolResult():
                return None  # the text that follows tells of it
            case _:
                assert_never(part)

    def _item_id(self, kind: str, index: int) -> str:
        return f"{kind}_{self.key}_{index}"


def usage(usage: Usage) -> Json:
    """Here, what a cache had to do with is counted among the input. Clients take
    a zero for "not told": what was counted is at least one."""
    cached, written = usage.cache_read_tokens, usage.cache_write_tokens
    given = max(usage.input_tokens + cached + written, 1)
    made = max(usage.output_tokens, 1)
    return {
        "input_tokens": given,
        "input_tokens_details": {
            "cached_tokens": cached,
            "cache_write_tokens": written,
        },
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": given + made,
    }


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
