"""The promises about an event stream, checked on a whole list of events."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from proxy.messages import (
    Event,
    Finish,
    PartDelta,
    PartEnd,
    PartStart,
    RedactedThinking,
    ServerToolResult,
    ServerToolUse,
    Text,
    Thinking,
    ToolUse,
)

TOOL_USE = ToolUse | ServerToolUse
COMPLETE = RedactedThinking | ServerToolResult
"""Parts that are all there when they start."""


def check_grammar(events: Iterable[Event], *, finished: bool = True) -> list[Event]:
    """The events, if they keep every promise of `proxy.messages`.

    With `finished`, a whole stream: one Finish, last. Without, its beginning, as a
    fault leaves it: no Finish, and a part may be open.
    """
    events = list(events)
    opened: PartStart | None = None
    content: list[str] = []
    started = 0
    for position, event in enumerate(events):
        match event:
            case PartStart(index, part):
                assert opened is None, f"a part starts inside another: {event}"
                assert index == started, f"part {index} comes as number {started}"
                assert part in (Text(""), Thinking("")) or isinstance(
                    part, COMPLETE | TOOL_USE
                ), f"a part starts with content: {part}"
                assert not isinstance(part, TOOL_USE) or (part.id and not part.input)
                opened, content, started = event, [], started + 1
            case PartDelta(index, text):
                assert opened is not None, f"a delta of no part: {event}"
                assert index == opened.index, f"a delta of another part: {event}"
                assert text, "an empty delta"
                assert not isinstance(opened.part, COMPLETE)
                content.append(text)
            case PartEnd(index, signature):
                assert opened is not None, f"no part to end: {event}"
                assert index == opened.index, f"the end of another part: {event}"
                if isinstance(opened.part, TOOL_USE):
                    whole = msgspec.json.decode("".join(content) or "{}")
                    assert isinstance(whole, dict), "an ended tool use is whole"
                assert not signature or isinstance(opened.part, Thinking)
                opened = None
            case Finish(reason):
                assert position == len(events) - 1, "something follows the Finish"
                if opened is not None:
                    assert isinstance(opened.part, TOOL_USE), "only a tool use is cut"
                    assert reason == "token_limit", f"cut, but finished as {reason}"
    if finished:
        assert events, "no events"
        assert isinstance(events[-1], Finish), "the last event is no Finish"
    else:
        assert not any(isinstance(event, Finish) for event in events)
    return events


def merged(events: Iterable[Event]) -> list[Event]:
    """The same stream with neighbouring deltas in one: where upstream cut them
    does not matter."""
    result: list[Event] = []
    for event in events:
        if isinstance(event, PartDelta) and isinstance(
            before := result[-1] if result else None, PartDelta
        ):
            result[-1] = PartDelta(event.index, before.text + event.text)
        else:
            result.append(event)
    return result
