"""What a script of the simulator came to in a client, in one form for every SDK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from proxy.attempts import TRIES_MOST
from simulator.control import Control

Json = dict[str, Any]

# The SDKs refuse by themselves to wait for more without a stream.
MAX_TOKENS = 20_000
MODEL = "claude-sonnet-4-20250514"


def _tool(name: str, **properties: Json) -> Json:
    schema = {"type": "object", "properties": properties}
    return {"name": name, "description": f"It does {name}.", "input_schema": schema}


REQUEST: Json = {
    "model": MODEL,
    "max_tokens": MAX_TOKENS,
    "thinking": {"type": "enabled", "budget_tokens": 2_000},
    "tools": [
        _tool("get_weather", city={"type": "string"}, unit={"type": "string"}),
        _tool("get_time", zone={"type": "string"}),
        _tool("write_file", path={"type": "string"}, content={"type": "string"}),
    ],
    "messages": [{"role": "user", "content": "Hi"}],
}


@dataclass(frozen=True)
class Outcome:
    """Ids aside: they are another's in every reply."""

    error: str | None
    status: int
    content: list[Json]
    """The blocks that were closed; tool uses are numbered in place of ids."""
    cut: Json | None
    """The block that was not, without the input of a tool: none is whole."""
    stop_reason: str | None
    stop_sequence: str | None
    usage: Json

    @classmethod
    def of(cls, told: Json) -> Self:
        message = told.get("message") or {}
        blocks = [_told(block) for block in message.get("content", [])]
        closed = told.get("closed", [])
        assert closed == [*range(len(closed))]
        assert len(closed) in (len(blocks), len(blocks) - 1)
        ids = [block["id"] for block in blocks if "id" in block]
        assert len(set(ids)) == len(ids)
        for number, identified in enumerate(block for block in blocks if "id" in block):
            identified["id"] = number
        cut = blocks[len(closed)] if len(closed) < len(blocks) else None
        if cut is not None:
            cut.pop("input", None)
        return cls(
            error=told.get("error"),
            status=told.get("status", 200),
            content=blocks[: len(closed)],
            cut=cut,
            stop_reason=message.get("stop_reason"),
            stop_sequence=message.get("stop_sequence"),
            usage=_told(message.get("usage", {})),
        )


def _told(members: Json) -> Json:
    """Without those that a version of an SDK adds for what was not sent."""
    return {name: value for name, value in members.items() if value is not None}


def enqueue_for(upstream: Control, name: str, requests: int) -> None:
    """As often as the gateway may ask: it tries again where that may help."""
    upstream.enqueue(*[name] * TRIES_MOST * requests)
