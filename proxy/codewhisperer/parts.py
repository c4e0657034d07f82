"""The parts of a reply, written as events: one open at a time, counted from 0."""

from __future__ import annotations

from typing import Literal

from proxy.messages import (
    Event,
    PartDelta,
    PartEnd,
    PartStart,
    RedactedThinking,
    Text,
    Thinking,
    ToolUse,
)

WrittenKind = Literal["text", "thinking"]
_EMPTY: dict[WrittenKind, Text | Thinking] = {
    "text": Text(""),
    "thinking": Thinking(""),
}


class PartWriter:
    def __init__(self) -> None:
        self.index = -1
        """Of the part that was started last."""
        self.events: list[Event] = []
        self.has_text = False
        self._open: WrittenKind | Literal["tool use"] | None = None

    def take(self) -> list[Event]:
        """The events since the last time."""
        events, self.events = self.events, []
        return events

    def write(self, kind: WrittenKind, text: str) -> None:
        """More text or thinking, in the open part if it is of that kind."""
        if self._open != kind:
            self.start(kind)
        self.events.append(PartDelta(self.index, text))

    def start(self, kind: WrittenKind) -> None:
        self._start(_EMPTY[kind])
        self._open = kind
        self.has_text = self.has_text or kind == "text"

    def sign(self, signature: str) -> None:
        """End the thinking; one that is not shown has a signature all the same."""
        if self._open != "thinking":
            self.start("thinking")
        self.end(signature)

    def redacted(self, data: str) -> None:
        self._start(RedactedThinking(data))
        self.events.append(PartEnd(self.index))

    def start_tool_use(self, tool_use_id: str, name: str) -> None:
        self._start(ToolUse(tool_use_id, name, {}))
        self._open = "tool use"

    def write_input(self, piece: str) -> None:
        self.events.append(PartDelta(self.index, piece))

    def end(self, signature: str = "") -> None:
        if self._open is not None:
            self._open = None
            self.events.append(PartEnd(self.index, signature))

    def _start(self, part: Text | Thinking | RedactedThinking | ToolUse) -> None:
        self.end()
        self.index += 1
        self.events.append(PartStart(self.index, part))
