"""The Messages API's request, as far as we read it.

Strict only where the API is: fields we do not know are ignored, and content
blocks are decoded one by one, since a history may hold kinds we never heard of.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

Block = dict[str, Any]
Content = str | list[Block]


class MessageIn(Struct):
    role: Literal["user", "assistant", "system"]
    content: Content


class ToolIn(Struct):
    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    defer_loading: bool | None = None


class ToolChoiceIn(Struct):
    type: str = "auto"
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ThinkingIn(Struct):
    type: str = "disabled"
    budget_tokens: int | None = None


class OutputConfig(Struct):
    effort: str | None = None
    format: dict[str, Any] | None = None


class CountBody(Struct):
    """What count_tokens takes; `messages` of the Messages API adds to it."""

    model: str
    messages: list[MessageIn]
    system: str | list[Block] | None = None
    tools: list[ToolIn] | None = None
    tool_choice: ToolChoiceIn | None = None
    thinking: ThinkingIn | None = None
    output_config: OutputConfig | None = None
    output_format: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    mcp_servers: list[Any] | None = None
    container: Any = None
    context_management: dict[str, Any] | None = None


class MessagesBody(CountBody):
    max_tokens: int | None = None
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    service_tier: str | None = None
    compaction: dict[str, Any] | None = None
    thread: dict[str, Any] | None = None


# Content blocks


class TextBlock(Struct):
    text: str


class Source(Struct):
    type: str
    media_type: str = ""
    data: str = ""
    url: str = ""
    content: Content = ""


class SourceBlock(Struct):
    """An image or a document."""

    source: Source
    title: str | None = None
    context: str | None = None


class ToolUseBlock(Struct):
    id: str
    name: str
    input: dict[str, Any] = field(default_factory=dict)


class ToolResultBlock(Struct):
    tool_use_id: str
    content: Content | None = None
    is_error: bool | None = None


class ThinkingBlock(Struct):
    thinking: str = ""
    signature: str | None = None


class RedactedThinkingBlock(Struct):
    data: str = ""


class SearchResultBlock(Struct):
    content: Content = ""
    title: str = ""
    source: str = ""


class ToolReferenceBlock(Struct):
    tool_name: str = ""
