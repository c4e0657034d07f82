"""The neutral form: a Prompt going in, a stream of events coming out.

Every dialect decodes into it and encodes out of it, so that N client protocols
and one upstream need N + 1 translators. It is smaller and stricter than any
wire: what a wire has and this lacks is refused, listed in `Prompt.unhonoured`,
or written down as dropped where it is dropped.

Promises about an event stream, kept by the upstream's decoder and relied on by
every encoder: one part is open at a time; it ends before the next one starts;
indexes count 0, 1, 2, ...; there is exactly one Finish, and it is last.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import msgspec

Role = Literal["user", "assistant", "system"]
ImageFormat = Literal["png", "jpeg", "gif", "webp"]
FinishReason = Literal[
    "end",
    "tool_use",
    "token_limit",
    "stop_sequence",
    "refusal",
    "context_window",
]
Effort = Literal["low", "medium", "high", "xhigh", "max"]
SearchFault = Literal["no_query", "query_too_long", "uses_spent", "unavailable"]


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Image:
    format: ImageFormat
    data: str
    """Base64, as every wire here carries it."""


@dataclass(frozen=True, slots=True)
class Document:
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class File:
    """A document as the client sent it, until `attachments` has read it."""

    media_type: str
    title: str
    data: str
    """Base64."""


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """An image that lies elsewhere, until `attachments` has fetched it."""

    url: str


@dataclass(frozen=True, slots=True)
class Thinking:
    text: str
    signature: str = ""


@dataclass(frozen=True, slots=True)
class RedactedThinking:
    data: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    id: str
    name: str
    input: Mapping[str, Any]


Content: TypeAlias = Text | Image | Document | File | RemoteImage


@dataclass(frozen=True, slots=True)
class ToolResult:
    tool_use_id: str
    content: tuple[Content, ...]
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class ServerToolUse:
    """A tool use of the model's that is answered here, within the same reply."""

    id: str
    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SearchResult:
    url: str
    title: str
    text: str
    date: str = ""
    """When it was published, as YYYY-MM-DD, if that is known."""


@dataclass(frozen=True, slots=True)
class ServerToolResult:
    """What a search found, or why it did not take place."""

    tool_use_id: str
    results: tuple[SearchResult, ...] = ()
    fault: SearchFault | None = None


Part: TypeAlias = Content | Thinking | RedactedThinking | ToolUse | ToolResult
ReplyPart: TypeAlias = (
    Text | Thinking | RedactedThinking | ToolUse | ServerToolUse | ServerToolResult
)


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    parts: tuple[Part, ...]
    cache: bool = False
    """What ends with it is worth keeping: the next request begins the same way."""


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolChoice:
    mode: Literal["auto", "any", "none", "named"] = "auto"
    name: str = ""
    parallel: bool = True


@dataclass(frozen=True, slots=True)
class WebSearch:
    """The client wants searches of the web done on this side."""

    max_uses: int | None = None
    allowed_domains: tuple[str, ...] = ()
    blocked_domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ThinkingMode:
    """What the client asked for; no ThinkingMode at all means it did not ask."""

    kind: Literal["enabled", "adaptive", "disabled"]
    budget_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    model: str
    """As the client wrote it; `catalog` turns it into an upstream id."""
    messages: tuple[Message, ...]
    system: str = ""
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    web_search: WebSearch | None = None
    max_tokens: int | None = None
    stop_sequences: tuple[str, ...] = ()
    thinking: ThinkingMode | None = None
    effort: Effort | None = None
    cache: bool = False
    """Tools and system text are worth keeping, for other conversations too."""
    conversation: str = ""
    """Names the client's conversation, so that upstream can cache by it."""
    unhonoured: tuple[str, ...] = ()
    """Fields that were asked for and cannot be done."""


def has_thinking(prompt: Prompt) -> bool:
    """Whether earlier thinking stands in the conversation."""
    return any(
        isinstance(part, Thinking | RedactedThinking)
        for message in prompt.messages
        for part in message.parts
    )


def without_thinking(prompt: Prompt) -> Prompt:
    """The same conversation, earlier thinking left out."""
    return replace(
        prompt,
        messages=tuple(
            replace(
                message,
                parts=tuple(
                    part
                    for part in message.parts
                    if not isinstance(part, Thinking | RedactedThinking)
                ),
            )
            for message in prompt.messages
        ),
    )


@dataclass(frozen=True, slots=True)
class Usage:
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    credits: float = 0.0
    searches: int = 0
    stated: bool = False
    """The tokens are upstream's own count of one reply. A sum is nobody's."""

    def __add__(self, more: Usage) -> Usage:
        return Usage(
            self.input_tokens + more.input_tokens,
            self.output_tokens + more.output_tokens,
            self.cache_read_tokens + more.cache_read_tokens,
            self.cache_write_tokens + more.cache_write_tokens,
            self.credits + more.credits,
            self.searches + more.searches,
        )


@dataclass(frozen=True, slots=True)
class PartStart:
    """A part opens. Its content follows in deltas: a Text or Thinking starts
    empty, a ToolUse or ServerToolUse with an empty input; a RedactedThinking or
    ServerToolResult is complete."""

    index: int
    part: ReplyPart


@dataclass(frozen=True, slots=True)
class PartDelta:
    """More of the open part: text, thinking, or a piece of a tool's JSON input."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The open part is complete. For a tool use this says that its pieces are
    one JSON object; a cut one never gets its end."""

    index: int
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Finish:
    reason: FinishReason
    usage: Usage
    stop_sequence: str | None = None


Event: TypeAlias = PartStart | PartDelta | PartEnd | Finish


@dataclass(slots=True)
class Reply:
    """The fold of an event stream: the unstreamed answer. A part that never ended,
    which is a tool use that was cut, is not in it."""

    parts: list[ReplyPart] = field(default_factory=list)
    finish: Finish | None = None
    _open: ReplyPart | None = None
    _pieces: list[str] = field(default_factory=list, repr=False)

    def add(self, event: Event) -> None:
        match event:
            case PartDelta(text=text):
                self._pieces.append(text)
            case PartStart(part=part):
                self._open = part
                self._pieces.clear()
            case PartEnd(signature=signature):
                assert self._open is not None
                content = "".join(self._pieces)
                self.parts.append(_complete(self._open, content, signature))
            case Finish():
                self.finish = event

    @property
    def whole(self) -> Finish:
        """The Finish of a stream that ran to its end."""
        if self.finish is None:
            raise ValueError("the reply has no finish")
        return self.finish


def _complete(part: ReplyPart, content: str, signature: str) -> ReplyPart:
    match part:
        case Text():
            return Text(content)
        case Thinking():
            return Thinking(content, signature)
        case ToolUse():
            return ToolUse(part.id, part.name, msgspec.json.decode(content or "{}"))
        case ServerToolUse():
            given = msgspec.json.decode(content or "{}")
            return ServerToolUse(part.id, part.name, given)
        case RedactedThinking() | ServerToolResult():
            return part


def fold(events: Iterable[Event]) -> Reply:
    reply = Reply()
    for event in events:
        reply.add(event)
    return reply


async def collect(batches: AsyncIterable[Sequence[Event]]) -> Reply:
    reply = Reply()
    async for batch in batches:
        for event in batch:
            reply.add(event)
    return reply
