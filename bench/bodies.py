"""The requests that clients send here, as JSON: small, as Claude Code's, with tools,
with a picture. Pure.

A request may be sent again and again, each time with a number of its own in place of
UNIQUE, as the requests of a conversation are alike but never the same.
"""

from __future__ import annotations

import base64
import random
import struct
import zlib
from typing import Any

import msgspec

MODEL = "claude-sonnet-4-20250514"
UNIQUE = b"0000000000"
WORDS = [
    "the",
    "file",
    "holds",
    "a",
    "function",
    "that",
    "reads",
    "lines",
    "and",
    "returns",
    "what",
    "it",
    "found",
]
MOST_TOKENS = 60_000
"""More than any answer here has, so that none is cut."""
PICTURE_SIDE = 868
"""Of noise, which no format makes smaller: 3 MB in base64."""


def words(count: int, seed: int) -> str:
    source = random.Random(seed)
    return " ".join(source.choice(WORDS) for _ in range(count))


def small(*, stream: bool = True, **more: Any) -> bytes:
    return _request([_user(words(40, 1))], stream=stream, **more)


def with_tools() -> bytes:
    return small(tools=[_tool(number) for number in range(3)])


def with_picture() -> bytes:
    source = {
        "type": "base64",
        "media_type": "image/png",
        "data": base64.b64encode(_noise(PICTURE_SIDE)).decode(),
    }
    return _request(
        [_user([{"type": "image", "source": source}, _text(words(20, 1))])], stream=True
    )


def claude_code(messages: int = 50, tools: int = 20) -> bytes:
    """In the midst of work: turns of a tool use and its result."""
    said: list[dict[str, Any]] = [_user(words(100, 0))]
    for turn in range(messages // 2):
        use = {
            "type": "tool_use",
            "id": f"toolu_{turn:024d}",
            "name": f"tool_{turn % tools}",
            "input": {"path": f"/src/module_{turn}.py", "text": words(100, turn)},
        }
        result = {
            "type": "tool_result",
            "tool_use_id": use["id"],
            "content": words(900, 1000 + turn),
        }
        said.append({"role": "assistant", "content": [_text(words(40, turn)), use]})
        said.append(_user([result]))
    return _request(
        said,
        stream=True,
        system=[_text(words(4000, 7))],
        tools=[_tool(number) for number in range(tools)],
    )


def _request(messages: list[dict[str, Any]], *, stream: bool, **more: Any) -> bytes:
    messages = [*messages, _user(f"number {UNIQUE.decode()}")]
    members = {"model": MODEL, "max_tokens": MOST_TOKENS, "stream": stream}
    return msgspec.json.encode({**members, "messages": messages, **more})


def _user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _tool(number: int) -> dict[str, Any]:
    properties = {
        f"field_{field}": {"type": "string", "description": words(12, field)}
        for field in range(8)
    }
    return {
        "name": f"tool_{number}",
        "description": words(300, number),
        "input_schema": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": properties,
            "required": ["field_0"],
            "additionalProperties": False,
        },
    }


def _noise(side: int) -> bytes:
    """A PNG of random pixels."""
    source = random.Random(side)
    rows = b"".join(b"\0" + source.randbytes(3 * side) for _ in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + name
        + data
        + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
