"""A streamed reply -> what goes over the wire, in order: chunks, pauses, an end.

The order of events is the service's own: on the older hosts a messageMetadataEvent
first; then the steps; then metadata, context usage and metering. Pure.
"""

import hashlib
import secrets
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, assert_never
from uuid import uuid4

from simulator import eventstream
from simulator.chunking import Action, Frame, at_pace, in_chunks
from simulator.faults import Style
from simulator.models import Model
from simulator.replies import (
    Damaged,
    Emit,
    Fail,
    Framed,
    Hold,
    Reason,
    Redacted,
    Say,
    Stream,
    Tail,
    Throw,
    Usage,
    UseTool,
    Wait,
)

CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer needs to know of its request."""

    style: Style
    model: Model
    model_id: str
    conversation_id: str
    input_tokens: int
    tools: frozenset[str] = frozenset()


@dataclass(slots=True)
class Encoded:
    actions: list[Action] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    """Reasoning handed out, which the service will know again."""


def encode(stream: Stream, asked: Asked, pace: float) -> Encoded:
    answer = _Answer(asked)
    flow = list(answer.flow(stream))
    actions = at_pace(in_chunks(flow, stream.chunks), pace)
    return Encoded(list(actions), answer.signatures)


class _Answer:
    """Counts what was said on the way, for the tail to tell."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.signatures: list[str] = []
        self.characters = 0
        self.used_tool = False

    def flow(self, stream: Stream) -> Iterator[Frame | Wait | Hold]:
        begun = self.asked.style == "kiro"
        for item in self._answer(stream):
            if isinstance(item, Frame) and not begun:
                begun = True
                yield self._message_metadata()
            yield item

    def _answer(self, stream: Stream) -> Iterator[Frame | Wait | Hold]:
        for step in stream.steps:
            match step:
                case Wait() | Hold():
                    yield step
                case Damaged(framed, corrupt, cut):
                    *whole, last = self._frames(framed)
                    yield from map(Frame, whole)
                    yield Frame(_damaged(last, corrupt, cut))
                    if cut is not None:
                        return
                case _:
                    yield from map(Frame, self._frames(step))
        if stream.tail is not None:
            yield from self._tail(stream.tail)

    def _message_metadata(self) -> Frame:
        payload = {
            "conversationId": self.asked.conversation_id,
            "utteranceId": str(uuid4()),
        }
        return Frame(eventstream.event("messageMetadataEvent", payload))

    def _frames(self, step: Framed) -> Iterator[bytes]:
        match step:
            case Say(pieces):
                self.characters += sum(map(len, pieces))
                for piece in pieces:
                    yield _text_frame(piece, self.asked.model_id)
            case Reason():
                yield from self._reason(step)
            case Redacted(data):
                self.signatures.append(data)
                payload = {"redactedContent": data}
                yield eventstream.event("reasoningContentEvent", payload)
            case UseTool():
                yield from self._use_tool(step)
            case Emit(kind, payload):
                yield eventstream.event(kind, payload)
            case Throw(kind, payload):
                yield eventstream.exception(kind, payload)
            case Fail(code, message):
                yield eventstream.error(code, message)
            case _:
                assert_never(step)

    def _reason(self, step: Reason) -> Iterator[bytes]:
        self.characters += sum(map(len, step.pieces))
        for piece in step.pieces:
            yield eventstream.event("reasoningContentEvent", {"text": piece})
        signature = step.signature
        if signature == "auto":
            signature = _signature("".join(step.pieces))
        if signature is not None:
            self.signatures.append(signature)
            payload = {"signature": signature, "text": ""}
            yield eventstream.event("reasoningContentEvent", payload)

    def _use_tool(self, step: UseTool) -> Iterator[bytes]:
        self.used_tool = True
        self.characters += sum(map(len, step.fragments))
        offered = [name for name in step.names if name in self.asked.tools]
        call = {
            "name": (offered or step.names)[0],
            "toolUseId": step.id or f"tooluse_{secrets.token_urlsafe(16)}",
        }
        yield eventstream.event("toolUseEvent", call)
        inputs: Iterable[Any] = step.fragments
        for piece in inputs if step.input is None else [step.input]:
            yield eventstream.event("toolUseEvent", call | {"input": piece})
        if step.stops:
            yield eventstream.event("toolUseEvent", call | {"stop": True})

    def _tail(self, tail: Tail) -> Iterator[Frame]:
        estimate = Usage(
            self.asked.input_tokens, max(1, self.characters // CHARACTERS_PER_TOKEN)
        )
        usage = estimate if tail.usage == "auto" else tail.usage
        metadata: dict[str, Any] = {}
        if usage is not None:
            metadata["tokenUsage"] = _token_usage(usage)
        stop_reason = self._stop_reason(tail)
        if stop_reason is not None:
            metadata["stopReason"] = stop_reason
        if metadata:
            yield Frame(eventstream.event("metadataEvent", metadata))
        percentage = tail.context_percentage
        if percentage == "auto":
            percentage = (usage or estimate).total() / self.asked.model.window * 100
        if percentage is not None:
            payload = {"contextUsagePercentage": percentage}
            yield Frame(eventstream.event("contextUsageEvent", payload))
        if tail.credits == "auto":
            yield _metering(_price(usage or estimate, self.asked.model))
        else:
            yield from map(_metering, tail.credits)

    def _stop_reason(self, tail: Tail) -> str | None:
        if tail.stop_reason != "auto":
            return tail.stop_reason
        if self.asked.style != "kiro":
            return None
        return "TOOL_USE" if self.used_tool else "END_TURN"


@lru_cache(maxsize=4096)
def _text_frame(content: str, model_id: str) -> bytes:
    payload = {"content": content, "modelId": model_id}
    return eventstream.event("assistantResponseEvent", payload)


def _signature(text: str) -> str:
    return b64encode(hashlib.sha512(text.encode()).digest()).decode()


def _token_usage(usage: Usage) -> dict[str, int]:
    members = {
        "uncachedInputTokens": usage.input,
        "outputTokens": usage.output,
        "totalTokens": usage.total(),
    }
    if usage.cache_read is not None:
        members["cacheReadInputTokens"] = usage.cache_read
    if usage.cache_write is not None:
        members["cacheWriteInputTokens"] = usage.cache_write
    return members


def _price(usage: Usage, model: Model) -> float:
    """Credits: a made-up price of the right order of magnitude."""
    work = 0.01 + 0.000_005 * usage.input + 0.000_02 * usage.output
    return round(work * model.rate, 10)


def _metering(credits: float) -> Frame:
    payload = {"unit": "credit", "unitPlural": "credits", "usage": credits}
    return Frame(eventstream.event("meteringEvent", payload), credits)


def _damaged(frame: bytes, corrupt: eventstream.Part | None, cut: int | None) -> bytes:
    if corrupt is not None:
        frame = eventstream.corrupt(frame, corrupt)
    return frame[:cut]
