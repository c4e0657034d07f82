"""The reply: frames of the event stream in, neutral events out.

Rules, besides the promises of `messages`, which are kept here:

- A part starts with the first piece that belongs to it, and ends when something
  else comes. Text after a tool use is a new part.
- A tool use ends only when upstream has ended it and its pieces are one JSON
  object: a client runs the tool when its part ends. One that was cut stays open,
  nothing is started after it, and the reply is finished as cut.
- What comes in between the pieces of a tool use waits until that has ended.
- A fault that follows content in one batch is raised by the next call, so that
  the content before it is never lost.
- The Finish comes from `close`, at the clean end of the body.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import msgspec

from proxy.codewhisperer.eventstream import Frame
from proxy.codewhisperer.faults import fault_from_exception_frame
from proxy.codewhisperer.meter import Meter
from proxy.codewhisperer.names import ToolNames, fit_id
from proxy.codewhisperer.parts import PartWriter
from proxy.codewhisperer.payloads import (
    ContextUsage,
    ErrorObject,
    Metadata,
    Metering,
    Payload,
    ReasoningDelta,
    TextDelta,
    ToolUseDelta,
)
from proxy.codewhisperer.thinking import Piece, ThinkingSplitter
from proxy.codewhisperer.tooluse import OpenToolUse
from proxy.errors import GatewayError, StreamBroken, UpstreamFailed
from proxy.messages import Event, Finish, FinishReason, Usage

logger = logging.getLogger(__name__)

MAX_WAITING = 16 * 1024 * 1024
"""Bytes of payload that may wait behind an open tool use: as much as one frame."""

DROPPED = frozenset(
    (
        "messageMetadataEvent",
        "toolResultEvent",
        "codeReferenceEvent",
        "supplementaryWebLinksEvent",
        "followupPromptEvent",
        "intentsEvent",
        "interactionComponentsEvent",
        "citationEvent",
        "documentCitationEvent",
        "dryRunSucceedEvent",
    )
)
"""Known, and of no use to a client of ours."""

_CAUSES: dict[str, FinishReason] = {
    "MAX_TOKENS": "token_limit",
    "CONTENT_FILTERED": "refusal",
    "MODEL_CONTEXT_WINDOW_EXCEEDED": "context_window",
}
"""A stop reason is believed only where it names a cause: upstream says END_TURN
of many an answer that ends in a tool use."""

_TEXT = Payload(TextDelta)
_REASONING = Payload(ReasoningDelta)
_TOOL_USE = Payload(ToolUseDelta)
_METADATA = Payload(Metadata)
_CONTEXT_USAGE = Payload(ContextUsage)
_METERING = Payload(Metering)
_ERROR = Payload(ErrorObject)

_unknown_types: set[str] = set()


class ReplyDecoder:
    def __init__(
        self,
        names: ToolNames,
        *,
        input_tokens: int,
        window: int,
        count_tokens: Callable[[str], int],
        thinking_tags: bool,
    ) -> None:
        """`input_tokens` is our estimate, `window` the model's, in tokens;
        `thinking_tags` says that the model was asked to think in its text."""
        self._names = names
        self._meter = Meter(input_tokens, window, count_tokens)
        self._splitter = ThinkingSplitter() if thinking_tags else None
        self._parts = PartWriter()
        self._tool: OpenToolUse | None = None
        self._waiting: list[Frame] = []
        self._bytes_waiting = 0
        self._ended_tools: set[str] = set()
        self._is_cut = False
        self._is_closing = False
        self._stop_reason = ""
        self._fault: GatewayError | None = None

    @property
    def credits(self) -> float:
        """Metered so far: what a reply has cost that is left early."""
        return self._meter.credits

    @property
    def empty(self) -> bool:
        """Upstream said nothing so far, and not why."""
        held = self._splitter is not None and self._splitter.is_holding
        return self._parts.index < 0 and not held and self._cause() is None

    def usage(self) -> Usage:
        return self._meter.usage()

    def feed(self, frames: list[Frame]) -> list[Event]:
        self._raise_fault()
        try:
            self._read_all(frames)
        except GatewayError as fault:
            self._fault = fault
            if not self._parts.events:
                raise
        return self._parts.take()

    def close(self) -> list[Event]:
        """The body has ended cleanly: the last events, and the Finish."""
        self._raise_fault()
        if self._tool is None and not self._is_cut:
            self._end_text()
            self._parts.end()
        return [*self._parts.take(), Finish(self._finish_reason(), self.usage())]

    def _raise_fault(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _read_all(self, frames: list[Frame]) -> None:
        queue = deque(frames)
        while queue:
            self._read(queue.popleft())
            if self._waiting and self._tool is None:
                queue.extendleft(reversed(self._waiting))
                self._waiting.clear()
                self._bytes_waiting = 0

    def _read(self, frame: Frame) -> None:
        head = frame.head
        if head.message_type != "event":
            self._refuse(head.type, frame.payload)
            return
        match head.type:
            case "assistantResponseEvent" | "codeEvent":
                self._read_text(frame)
            case "toolUseEvent":
                self._read_tool_use(frame)
            case "reasoningContentEvent":
                self._read_reasoning(frame)
            case "metadataEvent":
                self._read_metadata(_METADATA.read(frame.payload))
            case "contextUsageEvent":
                self._is_closing = True
                usage = _CONTEXT_USAGE.read(frame.payload)
                self._meter.percentage = usage.context_usage_percentage
            case "meteringEvent":
                self._is_closing = True
                self._meter.credits += _METERING.read(frame.payload).usage or 0.0
            case "invalidStateEvent":
                raise UpstreamFailed("upstream reports an invalid state")
            case other:
                self._refuse_error_object(frame)
                if other not in DROPPED:
                    _log_unknown(other)

    def _read_text(self, frame: Frame) -> None:
        content = _TEXT.read(frame.payload).content
        if not content:
            self._refuse_error_object(frame)
        elif self._is_open(frame):
            if self._splitter is None:
                self._parts.write("text", content)
                self._meter.output.append(content)
            else:
                self._write_pieces(self._splitter.feed(content))

    def _read_reasoning(self, frame: Frame) -> None:
        delta = _REASONING.read(frame.payload)
        if not (delta.text or delta.signature or delta.redacted_content):
            self._refuse_error_object(frame)
        elif self._is_open(frame):
            self._end_text()
            if delta.text:
                self._write_pieces([Piece("thinking", delta.text)])
            if delta.signature:
                self._parts.sign(delta.signature)
            if delta.redacted_content:
                self._parts.redacted(delta.redacted_content)

    def _read_tool_use(self, frame: Frame) -> None:
        delta = _TOOL_USE.read(frame.payload)
        if not delta.tool_use_id or not delta.name:
            if not self._refuse_error_object(frame):
                raise StreamBroken("upstream sent a tool use without id or name")
            return
        if delta.tool_use_id in self._ended_tools:
            return
        if not self._is_open(frame, delta.tool_use_id):
            return
        tool = self._tool or self._start_tool(delta.tool_use_id, delta.name)
        piece = tool.add(delta.input)
        if piece and not tool.held_back:
            self._meter.output.append(piece)
            self._parts.write_input(piece)
        if delta.stop:
            self._end_tool(tool)

    def _read_metadata(self, metadata: Metadata) -> None:
        self._is_closing = True
        self._stop_reason = metadata.stop_reason or self._stop_reason
        if metadata.token_usage is not None:
            self._meter.add_stated(metadata.token_usage)

    def _refuse(self, kind: str, payload: bytes) -> None:
        """An exception ends the reply; but the one for a full window is an answer
        that was cut off."""
        if not kind.lower().startswith("contentlengthexceeded"):
            raise fault_from_exception_frame(kind, payload)
        self._stop_reason = "MAX_TOKENS"

    def _refuse_error_object(self, frame: Frame) -> bool:
        """Some hosts send an error as the payload of an ordinary event."""
        if b'_type"' not in frame.payload:
            return False
        error = _ERROR.read(frame.payload)
        kind = error.type or error.plain_type
        if kind:
            self._refuse(kind.rpartition("#")[2], frame.payload)
        return bool(kind)

    def _is_open(self, frame: Frame, tool_use_id: str = "") -> bool:
        """Whether there is a place for the content of this frame now; it waits
        for one while another tool use is open, and after a cut one there is none."""
        if self._tool is None or self._tool.id == tool_use_id:
            return not self._is_cut
        self._waiting.append(frame)
        self._bytes_waiting += len(frame.payload)
        if self._bytes_waiting > MAX_WAITING:
            raise StreamBroken("upstream left a tool use open for too long")
        return False

    def _write_pieces(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            self._parts.write(piece.kind, piece.text)
            self._meter.output.append(piece.text)

    def _end_text(self) -> None:
        """What the splitter holds back belongs before whatever comes next."""
        if self._splitter is not None:
            self._write_pieces(self._splitter.close())

    def _start_tool(self, tool_use_id: str, upstream_name: str) -> OpenToolUse:
        self._end_text()
        name = self._names.restore(upstream_name)
        self._parts.start_tool_use(fit_id(tool_use_id), name)
        self._tool = OpenToolUse(
            tool_use_id, name, held_back=self._names.renames_input(name)
        )
        return self._tool

    def _end_tool(self, tool: OpenToolUse) -> None:
        self._tool = None
        whole = tool.whole()
        if whole is None:
            self._is_cut = True
            return
        if tool.held_back:
            restored = self._names.restore_input(tool.name, whole)
            piece = msgspec.json.encode(restored).decode()
            self._meter.output.append(piece)
            self._parts.write_input(piece)
        self._ended_tools.add(tool.id)
        self._parts.end()

    def _cause(self) -> FinishReason | None:
        """What upstream itself says is wrong, if anything."""
        if (self._meter.percentage or 0.0) >= 100:
            return "context_window"
        return _CAUSES.get(self._stop_reason)

    def _finish_reason(self) -> FinishReason:
        cut = self._is_cut or self._tool is not None or not self._is_closing
        if cut or self._stop_reason == "MAX_TOKENS":
            return "token_limit"
        if self._ended_tools:
            return "tool_use"
        if cause := self._cause():
            return cause
        has_only_thought = self._parts.index >= 0 and not self._parts.has_text
        return "token_limit" if has_only_thought else "end"


def _log_unknown(event_type: str) -> None:
    if event_type not in _unknown_types and len(_unknown_types) < 100:
        _unknown_types.add(event_type)
        logger.info("skipping upstream events of type %.64r", event_type)
