"""Neutral events -> the Messages API's stream, answer and errors.

message_start (content_block_start content_block_delta* content_block_stop)*
message_delta message_stop      ping anywhere; error instead of any, then end
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, assert_never

import msgspec

from proxy import sse
from proxy.anthropic.blocks import delta_opening, encode_block
from proxy.errors import GatewayError, Kind
from proxy.messages import (
    Event,
    Finish,
    FinishReason,
    PartDelta,
    PartEnd,
    PartStart,
    Reply,
    ServerToolUse,
    ToolUse,
    Usage,
)

STOP_REASONS: dict[FinishReason, str] = {
    "end": "end_turn",
    "tool_use": "tool_use",
    "token_limit": "max_tokens",
    "stop_sequence": "stop_sequence",
    "refusal": "refusal",
    "context_window": "model_context_window_exceeded",
}

ERROR_TYPES: dict[Kind, str] = {
    "invalid_request": "invalid_request_error",
    "authentication": "authentication_error",
    "permission": "permission_error",
    "not_found": "not_found_error",
    "too_large": "request_too_large",
    "rate_limit": "rate_limit_error",
    "overloaded": "overloaded_error",
    "timeout": "timeout_error",
    "server": "api_error",
}

_json = msgspec.json.Encoder().encode


def new_id() -> str:
    return f"msg_{secrets.token_hex(12)}"


class MessageStream:
    def __init__(self, model: str, input_tokens: int, request_id: str) -> None:
        """`model` as the client wrote it; `input_tokens` is the estimate that
        stands until the last event brings the true figures."""
        self._model = model
        self._input_tokens = input_tokens
        self._request_id = request_id
        self._open: int | None = None
        self._open_is_tool = False
        self._delta = b""

    def start(self) -> bytes:
        usage = _usage(Usage(input_tokens=self._input_tokens, output_tokens=1))
        message: dict[str, Any] = {
            "id": new_id(),
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        return sse.event("message_start", {"type": "message_start", "message": message})

    def feed(self, events: Iterable[Event]) -> bytes:
        return b"".join([self._encode(event) for event in events])

    def ping(self) -> bytes:
        return sse.event("ping", {"type": "ping"})

    def error(self, error: GatewayError) -> bytes:
        """Close what is open, but never a cut tool: a client runs a tool when its
        block closes."""
        closing = b""
        if self._open is not None and not self._open_is_tool:
            closing = _block_stop(self._open)
        body = error_body(error, self._request_id)
        return closing + sse.event("error", body)

    def _encode(self, event: Event) -> bytes:
        match event:
            case PartDelta(text=text):
                # The event there are most of: written once, around its text.
                return b"%b%b}}\n\n" % (self._delta, _json(text))
            case PartStart():
                return self._part_start(event)
            case PartEnd():
                return self._part_end(event)
            case Finish():
                return _finish(event)
            case _:
                assert_never(event)

    def _part_start(self, event: PartStart) -> bytes:
        self._open = event.index
        self._open_is_tool = isinstance(event.part, ToolUse | ServerToolUse)
        self._delta = delta_opening(event.index, event.part)
        return sse.event(
            "content_block_start",
            {
                "type": "content_block_start",
                "index": event.index,
                "content_block": encode_block(event.part),
            },
        )

    def _part_end(self, event: PartEnd) -> bytes:
        self._open = None
        stop = _block_stop(event.index)
        if not event.signature:
            return stop
        delta = {"type": "signature_delta", "signature": event.signature}
        return (
            sse.event(
                "content_block_delta",
                {"type": "content_block_delta", "index": event.index, "delta": delta},
            )
            + stop
        )


def _block_stop(index: int) -> bytes:
    data = {"type": "content_block_stop", "index": index}
    return sse.event("content_block_stop", data)


def _finish(event: Finish) -> bytes:
    delta = {
        "stop_reason": STOP_REASONS[event.reason],
        "stop_sequence": event.stop_sequence,
    }
    usage = _usage(event.usage)
    return sse.event(
        "message_delta", {"type": "message_delta", "delta": delta, "usage": usage}
    ) + sse.event("message_stop", {"type": "message_stop"})


def encode_reply(reply: Reply, model: str) -> dict[str, Any]:
    finish = reply.whole
    return {
        "id": new_id(),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [encode_block(part) for part in reply.parts],
        "stop_reason": STOP_REASONS[finish.reason],
        "stop_sequence": finish.stop_sequence,
        "usage": _usage(finish.usage),
    }


def _usage(usage: Usage) -> dict[str, Any]:
    """Clients take a zero for "not told": what was counted is at least one."""
    told: dict[str, Any] = {
        "input_tokens": max(usage.input_tokens, 1),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": max(usage.output_tokens, 1),
    }
    if usage.searches:
        told["server_tool_use"] = {
            "web_search_requests": usage.searches,
            "web_fetch_requests": 0,
        }
    return told


def error_body(error: GatewayError, request_id: str) -> dict[str, Any]:
    return {
        "type": "error",
        "error": {"type": ERROR_TYPES[error.kind], "message": error.message},
        "request_id": request_id,
    }
