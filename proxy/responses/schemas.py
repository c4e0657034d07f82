"""The Responses API's request, as far as we read it.

Strict only where the API is: fields we do not know are ignored, those we only
pass over may be anything, and items, content parts and tools are decoded one by
one, since a history may hold kinds we never heard of.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

Item = dict[str, Any]
Block = dict[str, Any]
Content = str | list[Block]


class ReasoningIn(Struct):
    effort: str | None = None


class FormatIn(Struct):
    type: str = "text"
    name: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class TextIn(Struct):
    format: FormatIn | None = None
    verbosity: str | None = None


class ResponsesBody(Struct):
    model: str
    input: str | list[Item] = []
    instructions: str | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    stream: bool | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    reasoning: ReasoningIn | None = None
    text: TextIn | None = None
    prompt_cache_key: str | None = None
    metadata: dict[str, Any] | None = None
    background: bool | None = None
    conversation: Any = None
    prompt: Any = None
    top_logprobs: int | None = None
    temperature: Any = None
    top_p: Any = None
    max_tool_calls: Any = None
    truncation: str | None = None
    service_tier: str | None = None


# Items


class MessageItem(Struct):
    role: Literal["system", "developer", "user", "assistant"]
    content: Content | None = None


class FunctionCallItem(Struct):
    name: str
    call_id: str = ""
    arguments: str | None = None
    namespace: str | None = None


class CustomCallItem(Struct):
    name: str
    call_id: str = ""
    input: str | None = None
    namespace: str | None = None


class CallOutputItem(Struct):
    call_id: str | None = None
    output: Any = ""


class ReasoningItem(Struct):
    summary: list[Block] | None = None
    content: list[Block] | None = None
    encrypted_content: str | None = None


class AdditionalToolsItem(Struct):
    tools: list[dict[str, Any]] = []


# Content parts


class TextPart(Struct):
    text: str


class RefusalPart(Struct):
    refusal: str


class ImagePart(Struct):
    image_url: str | None = None


class FilePart(Struct):
    file_data: str | None = None
    filename: str | None = None


# Tools


class FunctionTool(Struct):
    name: str = ""
    description: str | None = None
    parameters: dict[str, Any] | None = None


class CustomFormat(Struct):
    type: str = "text"
    syntax: str = ""
    definition: str = ""


class CustomTool(Struct):
    name: str = ""
    description: str | None = None
    format: CustomFormat | None = None


class NamespaceTool(Struct):
    name: str = ""
    description: str | None = None
    tools: list[dict[str, Any]] = []


class SearchFilters(Struct):
    allowed_domains: list[str] | None = None


class SearchTool(Struct):
    external_web_access: bool | None = None
    filters: SearchFilters | None = None


# Tool choice


class ToolChoiceIn(Struct):
    type: str = ""
    name: str = ""
    namespace: str | None = None
    mode: str = "auto"
    tools: list[dict[str, Any]] = []
