"""Parts of a reply -> content blocks, whole or as they start in a stream."""

from __future__ import annotations

import base64
from typing import Any, assert_never

from proxy.messages import (
    RedactedThinking,
    ReplyPart,
    SearchFault,
    SearchResult,
    ServerToolResult,
    ServerToolUse,
    Text,
    Thinking,
    ToolUse,
)

ERROR_CODES: dict[SearchFault, str] = {
    "no_query": "invalid_tool_input",
    "query_too_long": "query_too_long",
    "uses_spent": "max_uses_exceeded",
    "unavailable": "unavailable",
}


def encode_block(part: ReplyPart) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Thinking(text, signature):
            return {"type": "thinking", "thinking": text, "signature": signature}
        case RedactedThinking(data):
            return {"type": "redacted_thinking", "data": data}
        case ToolUse(tool_id, name, arguments):
            return {"type": "tool_use", "id": tool_id, "name": name, "input": arguments}
        case ServerToolUse(tool_id, name, arguments):
            return {
                "type": "server_tool_use",
                "id": _server_id(tool_id),
                "name": name,
                "input": arguments,
            }
        case ServerToolResult(tool_use_id, results, fault):
            return {
                "type": "web_search_tool_result",
                "tool_use_id": _server_id(tool_use_id),
                "content": _search_error(fault) if fault else _search_results(results),
            }
        case _:
            assert_never(part)


def delta_opening(index: int, part: ReplyPart) -> bytes:
    """A content_block_delta of this block up to where its text begins."""
    match part:
        case Text():
            kind = b'text_delta","text":'
        case Thinking():
            kind = b'thinking_delta","thinking":'
        case ToolUse() | ServerToolUse():
            kind = b'input_json_delta","partial_json":'
        case RedactedThinking() | ServerToolResult():
            return b""  # complete at its start
        case _:
            assert_never(part)
    return (
        b"event: content_block_delta\n"
        b'data: {"type":"content_block_delta","index":%d,"delta":{"type":"%b'
        % (index, kind)
    )


def _server_id(tool_use_id: str) -> str:
    return f"srvtoolu_{tool_use_id.removeprefix('srvtoolu_')}"


def _search_results(results: tuple[SearchResult, ...]) -> list[dict[str, Any]]:
    """What was read of a page goes to the client as the content that it is to send
    back unread: so it is there again in the next request."""
    return [
        {
            "type": "web_search_result",
            "url": result.url,
            "title": result.title,
            "encrypted_content": base64.b64encode(result.text.encode()).decode(),
            "page_age": result.date or None,
        }
        for result in results
    ]


def _search_error(fault: SearchFault) -> dict[str, Any]:
    return {
        "type": "web_search_tool_result_error",
        "error_code": ERROR_CODES[fault],
    }
