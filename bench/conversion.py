"""What a large request costs before it leaves: `python -m bench.conversion`.

A request as Claude Code sends it in the midst of work (20 tools, 50 messages,
some 225 KB) is decoded, counted and encoded; and half and twice of it, since the
cost should be linear in the messages.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kiro2api.settings")

import msgspec

from bench import bodies
from proxy import catalog, tokens
from proxy.anthropic.decoder import decode_request
from proxy.anthropic.schemas import MessagesBody
from proxy.codewhisperer.encoder import encode_prompt

MODEL = catalog.resolve(bodies.MODEL, family_fallback=False)
ROUNDS = 40


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
        sent = bodies.claude_code(messages)
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
