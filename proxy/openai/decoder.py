"""The Chat Completions API's request -> Prompt.

What the API knows and upstream cannot do goes to `Prompt.unhonoured`; what
would give the user something plainly different is a 400 with the field's name.
Nothing that stands in the history is ever refused. Clients mark what is worth
caching as in the Messages API, on content parts, messages or tools. Dropped
knowingly: how long a mark is to hold, on which of a message's parts it stands,
names of the people speaking, and content parts of kinds we do not know.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile

from proxy.errors import BadRequest
from proxy.formats import Format, read_format
from proxy.messages import Content as ContentPart
from proxy.messages import (
    Message,
    Part,
    Prompt,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    WebSearch,
)
from proxy.openai.schemas import (
    AllowedTools,
    Block,
    ChatBody,
    Content,
    FilePart,
    FunctionIn,
    ImagePart,
    ImageUrl,
    MessageIn,
    NamedIn,
    RefusalPart,
    TextPart,
    ToolCallIn,
    ToolChoiceIn,
)
from proxy.openai_input import (
    apart,
    arguments,
    convert,
    file,
    image,
    in_vain,
    thinking,
    token_limit,
    unreadable,
    unsupported,
)

logger = logging.getLogger(__name__)

# The old form has no ids: a function's answer goes to the last call of its name.
LEGACY_ID = "function_"

UNHONOURED = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "seed",
    "prediction",
    "verbosity",
    "moderation",
    "service_tier",
    "store",
)


def decode_request(body: ChatBody, conversation: str = "") -> Prompt:
    _refuse_unsupported(body)
    if not body.messages:
        raise BadRequest("messages: must not be empty", param="messages")
    said = list(_messages(body.messages))
    system, messages = apart(said)
    mode, effort = thinking(body.reasoning_effort)
    stop = [body.stop] if isinstance(body.stop, str) else body.stop
    prompt = Prompt(
        model=body.model,
        messages=messages,
        system=system,
        tools=_tools(body),
        tool_choice=_tool_choice(body),
        web_search=None if body.web_search_options is None else WebSearch(),
        max_tokens=_max_tokens(body),
        stop_sequences=tuple(text for text in stop or () if text),
        thinking=mode,
        effort=effort,
        cache=_beginning_is_marked(body, said),
        conversation=conversation,
    )
    return replace(prompt, unhonoured=tuple(_unhonoured(body, prompt)))


def decode_format(body: ChatBody) -> Format | None:
    wanted = body.response_format
    if wanted is None:
        return None
    schema = wanted.json_schema.schema if wanted.json_schema else None
    return read_format(wanted.type, schema, "response_format")


def _refuse_unsupported(body: ChatBody) -> None:
    if body.n not in (None, 1):
        raise unsupported("n", "one choice is all there is here")
    if body.logprobs:
        raise unsupported("logprobs", "upstream tells none")
    if body.top_logprobs:
        raise unsupported("top_logprobs", "upstream tells none")
    if body.audio is not None:
        raise unsupported("audio", "there is no audio here")
    if "audio" in (body.modalities or ()):
        raise unsupported("modalities", "there is no audio here")


def _unhonoured(body: ChatBody, prompt: Prompt) -> Iterator[str]:
    for name in UNHONOURED:
        value = getattr(body, name)
        if value is not None and value is not False and value != "auto":
            yield name
    yield from in_vain(prompt, body.reasoning_effort, "reasoning_effort")


def _max_tokens(body: ChatBody) -> int | None:
    if body.max_completion_tokens is not None:
        return token_limit(body.max_completion_tokens, "max_completion_tokens")
    return token_limit(body.max_tokens, "max_tokens")


def _messages(messages: list[MessageIn]) -> Iterator[Message]:
    newest = max(
        (at for at, said in enumerate(messages) if said.role == "user"), default=-1
    )
    for at, message in enumerate(messages):
        decoded = _message(message, f"messages.{at}", at == newest)
        yield replace(decoded, cache=_is_marked(message))


def _is_marked(message: MessageIn) -> bool:
    parts = message.content if isinstance(message.content, list) else ()
    marks = [message.cache_control, *(part.get("cache_control") for part in parts)]
    return any(marks)


def _beginning_is_marked(body: ChatBody, said: list[Message]) -> bool:
    """The tools, or what of `said` becomes the system text."""
    beginning = takewhile(lambda message: message.role == "system", said)
    return any(message.cache for message in beginning) or any(
        tool.cache_control or (tool.function and tool.function.cache_control)
        for tool in body.tools or ()
    )


def _message(message: MessageIn, path: str, newest: bool) -> Message:
    content = _content(message.content, f"{path}.content", newest)
    match message.role:
        case "system" | "developer":
            return Message("system", tuple(content))
        case "user":
            return Message("user", tuple(content))
        case "assistant":
            return Message("assistant", tuple(_assistant(message, content)))
        case "tool":
            result = ToolResult(message.tool_call_id or "", tuple(content))
            return Message("user", (result,))
        case "function":
            result = ToolResult(f"{LEGACY_ID}{message.name or ''}", tuple(content))
            return Message("user", (result,))


def _assistant(message: MessageIn, content: Iterator[ContentPart]) -> Iterator[Part]:
    if message.reasoning_content:
        yield Thinking(message.reasoning_content)
    yield from content
    if message.refusal:
        yield Text(message.refusal)
    for call in message.tool_calls or ():
        yield from _tool_call(call)
    if legacy := message.function_call:
        yield ToolUse(
            f"{LEGACY_ID}{legacy.name}", legacy.name, arguments(legacy.arguments)
        )


def _tool_call(call: ToolCallIn) -> Iterator[ToolUse]:
    if function := call.function:
        yield ToolUse(call.id, function.name, arguments(function.arguments))
    elif custom := call.custom:
        yield ToolUse(call.id, custom.name, {"input": custom.input})


def _content(content: Content | None, path: str, newest: bool) -> Iterator[ContentPart]:
    if isinstance(content, str):
        yield Text(content)
        return
    for at, block in enumerate(content or ()):
        yield from _part(block, f"{path}.{at}", newest)


def _part(block: Block, path: str, newest: bool) -> Iterator[ContentPart]:
    match block.get("type"):
        case "text":
            yield Text(convert(block, TextPart, path).text)
        case "refusal":
            yield Text(convert(block, RefusalPart, path).refusal)
        case "image_url":
            source = convert(block, ImagePart, path).image_url
            url = source.url if isinstance(source, ImageUrl) else source
            yield image(url, f"{path}.image_url", newest)
        case "file":
            sent = convert(block, FilePart, path).file
            yield file(sent.file_data or "", sent.filename or "", path, newest)
        case "input_audio":
            yield unreadable("there is no audio here", path, newest)
        case unknown:
            logger.debug("dropped a content part of an unknown kind: %.40r", unknown)


def _tools(body: ChatBody) -> tuple[Tool, ...]:
    offered: dict[str, Tool] = {}
    for path, function in _functions(body):
        if not function.name:
            raise BadRequest(f"{path}.name: must not be empty", param=f"{path}.name")
        if function.name in offered:
            raise BadRequest(
                f"{path}.name: {function.name} is there twice", param=f"{path}.name"
            )
        offered[function.name] = Tool(
            function.name, function.description or "", function.parameters or {}
        )
    allowed = _allowed(body)
    return tuple(tool for name, tool in offered.items() if name in (allowed or offered))


def _functions(body: ChatBody) -> Iterator[tuple[str, FunctionIn]]:
    for at, tool in enumerate(body.tools or ()):
        if tool.type != "function":
            raise unsupported(
                f"tools.{at}.type", f"{tool.type} is not available here: use function"
            )
        if tool.function:
            yield f"tools.{at}.function", tool.function
        else:
            yield f"tools.{at}", tool
    for at, function in enumerate(body.functions or ()):
        yield f"functions.{at}", function


def _allowed(body: ChatBody) -> set[str]:
    """Empty: all."""
    match body.tool_choice:
        case ToolChoiceIn(allowed_tools=AllowedTools(tools=tools)):
            return {(tool.function or tool).name for tool in tools}
        case _:
            return set()


def _tool_choice(body: ChatBody) -> ToolChoice:
    parallel = body.parallel_tool_calls is not False and not body.functions
    match body.tool_choice or body.function_call:
        case "none":
            return ToolChoice("none", parallel=parallel)
        case "required":
            return ToolChoice("any", parallel=parallel)
        case ToolChoiceIn(allowed_tools=AllowedTools(mode="required")):
            return ToolChoice("any", parallel=parallel)
        case ToolChoiceIn(function=NamedIn(name=name)) | NamedIn(name=name):
            return ToolChoice("named", name, parallel)
        case _:
            return ToolChoice(parallel=parallel)
