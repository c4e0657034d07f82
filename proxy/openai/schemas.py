"""The Chat Completions API's request, as far as we read it.

Strict only where the API is: fields we do not know are ignored, those we only
pass over may be anything, and content parts are decoded one by one.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

Block = dict[str, Any]
Content = str | list[Block]


class FunctionCallIn(Struct):
    name: str = ""
    arguments: str | None = None


class CustomCallIn(Struct):
    name: str = ""
    input: str = ""


class ToolCallIn(Struct):
    id: str = ""
    function: FunctionCallIn | None = None
    custom: CustomCallIn | None = None


class MessageIn(Struct):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content | None = None
    name: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCallIn] | None = None
    tool_call_id: str | None = None
    function_call: FunctionCallIn | None = None
    cache_control: Any = None


class FunctionIn(Struct):
    name: str = ""
    description: str | None = None
    parameters: dict[str, Any] | None = None
    cache_control: Any = None


class ToolIn(FunctionIn):
    """Some editors write the function's members onto the tool itself."""

    type: str = "function"
    function: FunctionIn | None = None


class NamedIn(Struct):
    name: str = ""


class AllowedToolIn(NamedIn):
    function: NamedIn | None = None


class AllowedTools(Struct):
    mode: str = "auto"
    tools: list[AllowedToolIn] = []


class ToolChoiceIn(Struct):
    type: str = "function"
    function: NamedIn | None = None
    allowed_tools: AllowedTools | None = None


class StreamOptions(Struct):
    include_usage: bool | None = None


class JsonSchema(Struct):
    schema: dict[str, Any] | None = None


class ResponseFormat(Struct):
    type: str = "text"
    json_schema: JsonSchema | None = None


class ChatBody(Struct):
    model: str
    messages: list[MessageIn]
    tools: list[ToolIn] | None = None
    tool_choice: str | ToolChoiceIn | None = None
    parallel_tool_calls: bool | None = None
    functions: list[FunctionIn] | None = None
    function_call: str | NamedIn | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    reasoning_effort: str | None = None
    response_format: ResponseFormat | None = None
    prompt_cache_key: str | None = None
    n: int | None = None
    modalities: list[str] | None = None
    audio: Any = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    temperature: Any = None
    top_p: Any = None
    presence_penalty: Any = None
    frequency_penalty: Any = None
    logit_bias: Any = None
    seed: Any = None
    prediction: Any = None
    verbosity: Any = None
    web_search_options: Any = None
    moderation: Any = None
    service_tier: Any = None
    store: Any = None


# Content parts


class TextPart(Struct):
    text: str


class RefusalPart(Struct):
    refusal: str


class ImageUrl(Struct):
    url: str


class ImagePart(Struct):
    image_url: ImageUrl | str


class FileIn(Struct):
    file_data: str | None = None
    filename: str | None = None


class FilePart(Struct):
    file: FileIn
