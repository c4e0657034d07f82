"""The payloads of the events we use, as the service sends them.

Members that are absent may also come as null. Any payload may turn out to be an
error object, told by its `__type`.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct, field

from proxy.errors import StreamBroken


class TextDelta(Struct, gc=False):
    """assistantResponseEvent, codeEvent"""

    content: str | None = None


class ReasoningDelta(Struct, gc=False, rename="camel"):
    """reasoningContentEvent"""

    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class ToolUseDelta(Struct, rename="camel"):
    """toolUseEvent"""

    tool_use_id: str | None = None
    name: str | None = None
    input: str | dict[str, Any] | None = None
    stop: bool | None = None


class TokenUsage(Struct, rename="camel"):
    uncached_input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    context_usage_percentage: float | None = None


class Metadata(Struct, rename="camel"):
    """metadataEvent"""

    token_usage: TokenUsage | None = None
    stop_reason: str | None = None


class ContextUsage(Struct, rename="camel"):
    """contextUsageEvent"""

    context_usage_percentage: float | None = None


class Metering(Struct):
    """meteringEvent"""

    usage: float | None = None


class ErrorObject(Struct):
    """What is an error, whatever event it came as."""

    type: str | None = field(default=None, name="__type")
    plain_type: str | None = field(default=None, name="_type")


PayloadT = TypeVar("PayloadT", bound=Struct)


class Payload(Generic[PayloadT]):
    """Decodes the payloads of one kind of event."""

    def __init__(self, shape: type[PayloadT]) -> None:
        self._decoder = msgspec.json.Decoder(shape)

    def read(self, payload: bytes) -> PayloadT:
        try:
            return self._decoder.decode(payload)
        except (msgspec.DecodeError, RecursionError) as error:
            raise StreamBroken("upstream sent an event that does not parse") from error
