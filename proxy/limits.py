"""What the client asked for and upstream does not hold: kept on the event stream.

- `max_tokens`: the reply ends when they are spent, never inside a tool's input;
- `stop_sequences`: the reply ends before the first of them, which is not shown;
- `tool_choice: none`: tool uses do not get through;
- no parallel tool use: the reply ends before a second one.

The promises of `messages` hold for what comes out. Once `finished` is true the
rest of upstream's reply is of no interest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import assert_never

from proxy import tokens
from proxy.budget import Budget
from proxy.messages import (
    Event,
    Finish,
    FinishReason,
    PartDelta,
    PartEnd,
    PartStart,
    Prompt,
    ReplyPart,
    Text,
    ToolUse,
    Usage,
)
from proxy.stops import StopSequences


class Limits:
    def __init__(
        self,
        prompt: Prompt,
        model_id: str,
        input_tokens: int,
        *,
        upstream_counts: bool = False,
    ) -> None:
        """`input_tokens` are told when the reply is ended here, before upstream
        has said how many there were. `upstream_counts`: it was told max_tokens,
        and counts them better than we can."""
        self.finished = False
        self._model_id = model_id
        self._input_tokens = input_tokens
        most = None if upstream_counts else prompt.max_tokens
        self._budget = Budget(most, model_id)
        self._stops = StopSequences(prompt.stop_sequences)
        self._has_stops = bool(prompt.stop_sequences)
        self._no_tools = prompt.tool_choice.mode == "none"
        self._one_tool = not prompt.tool_choice.parallel
        self._tools = 0
        self._index = -1
        self._open: ReplyPart | None = None
        self._output: list[str] = []

    def usage(self) -> Usage:
        """Of a reply that ends here, by our own count."""
        output = tokens.count_text("".join(self._output), self._model_id)
        return Usage(self._input_tokens, output)

    def feed(self, events: Iterable[Event]) -> list[Event]:
        kept: list[Event] = []
        for event in events:
            # What there is most of by far needs no second look.
            if isinstance(event, PartDelta) and self._passes(event.text):
                kept.append(self._shown(event.text))
                continue
            kept += self._kept(event)
            if self.finished:
                break
        return kept

    def _passes(self, text: str) -> bool:
        """Whether nothing can end the reply in this text; then it is paid for."""
        if self._open is None or not text:
            return False
        if self._has_stops and isinstance(self._open, Text):
            return False
        return self._budget.take_whole(text)

    def _kept(self, event: Event) -> Iterator[Event]:
        match event:
            case PartDelta(text=text):
                if self._open is not None:
                    yield from self._delta(self._open, text)
            case PartStart(part=part):
                yield from self._start(part)
            case PartEnd(signature=signature):
                if self._open is not None:
                    yield from self._end(self._open, signature)
            case Finish():
                self.finished = True
                # A tool use that was dropped is no reason the client understands.
                dropped = event.reason == "tool_use" and not self._tools
                yield replace(event, reason="end") if dropped else event
            case _:
                assert_never(event)

    def _start(self, part: ReplyPart) -> Iterator[Event]:
        if isinstance(part, ToolUse):
            if self._no_tools:
                return
            if self._one_tool and self._tools:
                yield self._finish("tool_use")
                return
        if self._budget.is_spent:
            yield self._finish("token_limit")
            return
        if isinstance(part, ToolUse):
            self._tools += 1
        self._index += 1
        self._open = part
        yield PartStart(self._index, part)

    def _delta(self, part: ReplyPart, text: str) -> Iterator[Event]:
        if isinstance(part, ToolUse):
            self._budget.spend(text)
            yield self._shown(text)
            return
        stop = None
        if isinstance(part, Text):
            text, stop = self._stops.feed(text)
        yield from self._affordable(text)
        if stop is not None and not self.finished:
            yield PartEnd(self._index)
            yield self._finish("stop_sequence", stop)

    def _end(self, part: ReplyPart, signature: str) -> Iterator[Event]:
        if isinstance(part, Text):
            yield from self._affordable(self._stops.flush())
        if not self.finished:
            self._open = None
            yield PartEnd(self._index, signature)

    def _affordable(self, text: str) -> Iterator[Event]:
        """As much of the text as may be shown; the end of all where it is cut."""
        taken = self._budget.take(text)
        if taken:
            yield self._shown(taken)
        if taken != text:
            yield PartEnd(self._index)
            yield self._finish("token_limit")

    def _shown(self, text: str) -> PartDelta:
        self._output.append(text)
        return PartDelta(self._index, text)

    def _finish(self, reason: FinishReason, stop: str | None = None) -> Finish:
        self.finished = True
        return Finish(reason, self.usage(), stop)
