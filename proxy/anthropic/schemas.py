"""The Messages API's request, as far as we read it.

Strict only where the API is: fields we do not know are ignored, and content
blocks are decoded one by one, since a history may hold kinds we never heard of.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

Block = dict[str, Any]
Content = str | list[Block]


class FormatIn(Struct):
    type: str | None = None
    schema: dict[str, Any] | None = None


class OutputConfig(Struct):
    effort: str | None = None
    format: FormatIn | None = None
    task_budget: Any = None


class MessageIn(Struct):
    role: Literal["user", "assistant", "system"]
    content: Content | None = None
    # Of role system alone: how long it is shown, and the effort from there on.
    clear_at: str | None = None
    output_config: OutputConfig | None = None


class ToolIn(Struct):
    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    defer_loading: bool | None = None
    cache_control: Any = None
    # Of web_search alone.
    max_uses: int | None = None
    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None
    user_location: dict[str, Any] | None = None


class ToolChoiceIn(Struct):
    type: str = "auto"
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ThinkingIn(Struct):
    type: str = "disabled"
    budget_tokens: int | None = None


class CountBody(Struct):
    """What count_tokens takes; `messages` of the Messages API adds to it."""

    model: str
    messages: list[MessageIn]
    system: str | list[Block] | None = None
    tools: list[ToolIn] | None = None
    tool_choice: ToolChoiceIn | None = None
    thinking: ThinkingIn | None = None
    output_config: OutputConfig | None = None
    output_format: FormatIn | None = None
    metadata: dict[str, Any] | None = None
    # As if it stood at the end of the last message.
    cache_control: Any = None


class MessagesBody(CountBody):
    max_tokens: int | None = None
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    # Whatever they hold, it is only asked whether they are there.
    billing_policy: Any = None
    compaction: Any = None
    container: Any = None
    context_management: Any = None
    diagnostics: Any = None
    fallback_credit_token: Any = None
    fallbacks: Any = None
    inference_geo: Any = None
    mcp_servers: Any = None
    service_tier: Any = None
    speed: Any = None
    thread: Any = None
    user_profile_id: Any = None
    workspace_id: Any = None


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
    """Of the client's tools and of the API's."""

    id: str
    name: str
    input: Any = field(default_factory=dict)


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


class WebSearchResult(Struct):
    url: str = ""
    title: str = ""
    encrypted_content: str = ""
    page_age: str | None = None


class WebSearchError(Struct):
    error_code: str = ""


class WebSearchResultBlock(Struct):
    tool_use_id: str
    content: list[WebSearchResult] | WebSearchError


class ToolReference(Struct):
    """What tool_addition and tool_removal are about; an addition may bring the
    tool along."""

    name: str = ""
    definition: ToolIn | None = None


class ToolChangeBlock(Struct):
    tool: ToolReference


class CompactionBlock(Struct):
    content: str | None = None
    tool_changes: list[Block] = []
