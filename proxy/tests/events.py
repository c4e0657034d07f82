"""Event streams, written shortly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proxy.messages import (
    Event,
    Finish,
    FinishReason,
    PartDelta,
    PartEnd,
    PartStart,
    ReplyPart,
    Text,
    Thinking,
    ToolUse,
    Usage,
)

USAGE = Usage(input_tokens=10, output_tokens=5)

Written = tuple[ReplyPart, Sequence[str]]


def text(*pieces: str) -> Written:
    return Text(""), pieces


def thought(*pieces: str) -> Written:
    return Thinking(""), pieces


def tool(name: str, *pieces: str, id: str = "") -> Written:
    return ToolUse(id or f"id-{name}", name, {}), pieces


def reply(
    *parts: Written, reason: FinishReason = "end", usage: Usage = USAGE
) -> list[Event]:
    """A whole reply with these parts."""
    return [*numbered(parts), Finish(reason, usage)]


def numbered(parts: Iterable[Written]) -> list[Event]:
    events: list[Event] = []
    for index, (part, pieces) in enumerate(parts):
        events.append(PartStart(index, part))
        events += [PartDelta(index, piece) for piece in pieces]
        events.append(PartEnd(index))
    return events
