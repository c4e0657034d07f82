"""What a large request costs before it leaves: `python -m bench.conversion`.

A request as Claude Code sends it in the midst of work (20 tools, 50 messages,
some 225 KB) is decoded, counted and encoded; and half and twice of it, since the
cost should be linear in the messages.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kiro2api.settings")

import msgspec

from proxy import catalog, tokens
from proxy.anthropic.decoder import decode_request
from proxy.anthropic.schemas import MessagesBody
from proxy.codewhisperer.encoder import encode_prompt

MODEL = catalog.resolve("claude-sonnet-4-20250514", family_fallback=False)
ROUNDS = 40
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


def words(count: int, seed: int) -> str:
    source = random.Random(seed)
    return " ".join(source.choice(WORDS) for _ in range(count))


def request(messages: int, tools: int = 20) -> bytes:
    """Turns of a tool call and its result; bytes of JSON."""
    said: list[dict[str, Any]] = [{"role": "user", "content": words(100, 0)}]
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
        text = {"type": "text", "text": words(40, turn)}
        said.append({"role": "assistant", "content": [text, use]})
        said.append({"role": "user", "content": [result]})
    properties = {
        f"field_{number}": {"type": "string", "description": words(12, number)}
        for number in range(8)
    }
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": properties,
        "required": ["field_0"],
        "additionalProperties": False,
    }
    return msgspec.json.encode(
        {
            "model": MODEL.name,
            "max_tokens": 32000,
            "stream": True,
            "system": [{"type": "text", "text": words(4000, 7)}],
            "messages": said,
            "tools": [
                {
                    "name": f"tool_{number}",
                    "description": words(300, number),
                    "input_schema": schema,
                }
                for number in range(tools)
            ],
        }
    )


def milliseconds(work: Callable[[], object]) -> float:
    """CPU time of one call, the median of many."""
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time_ns()
        work()
        taken.append(time.process_time_ns() - began)
    return statistics.median(taken) / 1e6


def main() -> None:
    print("messages      KB   parse  decode   count  encode    write   (ms of CPU)")
    for messages in (26, 50, 100):
        sent = request(messages)
        body = msgspec.json.decode(sent, type=MessagesBody)
        prompt = decode_request(body)

        def encode(prompt: Any = prompt) -> Any:
            return encode_prompt(
                prompt,
                model=MODEL,
                profile_arn="",
                agent_continuation_id="0" * 36,
                max_description=10_000,
            )

        encoded = encode().request
        figures = (
            milliseconds(
                lambda sent=sent: msgspec.json.decode(sent, type=MessagesBody)
            ),
            milliseconds(lambda body=body: decode_request(body)),
            milliseconds(lambda p=prompt: tokens.estimate(p, MODEL)),
            milliseconds(encode),
            milliseconds(lambda e=encoded: msgspec.json.encode(e)),
        )
        shown = "".join(f"{figure:8.2f}" for figure in figures)
        print(f"{messages:8d}{len(sent) / 1024:8.0f}{shown}")


if __name__ == "__main__":
    main()
