"""The Messages API's request -> Prompt.

What the API knows and upstream cannot do goes to `Prompt.unhonoured`; what
would give the user something plainly different is a 400 with the field's path.
Nothing that stands in the history is ever refused: it stays there, and the
conversation would be lost for good. Dropped knowingly: citations, cache marks,
and blocks of kinds we do not know.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

import msgspec

from proxy.anthropic import schemas
from proxy.anthropic.schemas import Block, CountBody, MessagesBody
from proxy.errors import BadRequest, invalid_field
from proxy.images import DATA_URL, image_from_base64, image_from_data_url
from proxy.messages import (
    Document,
    Effort,
    Image,
    Message,
    Part,
    Prompt,
    RedactedThinking,
    Text,
    Thinking,
    ThinkingMode,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
)

logger = logging.getLogger(__name__)

B = TypeVar("B")
Content = Text | Image | Document

# The client's own line about itself: differs per conversation, instructs nobody.
ATTRIBUTION = "x-anthropic-billing-header:"

UNSUPPORTED = {
    "compaction": "compaction by the API is not available here",
    "mcp_servers": "MCP servers cannot be reached from here: the client can",
    "container": "containers are not available here",
}
UNHONOURED = ("temperature", "top_p", "top_k", "service_tier", "context_management")

EFFORTS: dict[str, Effort] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}


def decode_request(body: MessagesBody, conversation: str = "") -> Prompt:
    for name, why in UNSUPPORTED.items():
        if getattr(body, name):
            raise BadRequest(f"{name}: {why}", param=name)
    if body.thread and body.thread.get("type") == "continue":
        raise BadRequest("thread: no conversation is kept here", param="thread")
    if body.max_tokens is not None and body.max_tokens < 0:
        raise BadRequest("max_tokens: must not be negative", param="max_tokens")
    prompt = decode_count(body)
    ignored = [name for name in UNHONOURED if getattr(body, name) is not None]
    return replace(
        prompt,
        conversation=conversation,
        max_tokens=body.max_tokens,
        stop_sequences=tuple(text for text in body.stop_sequences or () if text),
        unhonoured=(*prompt.unhonoured, *ignored),
    )


def decode_count(body: CountBody) -> Prompt:
    """What count_tokens counts: the prompt without how it is to be answered."""
    if not body.messages:
        raise BadRequest("messages: must not be empty", param="messages")
    tools, unhonoured = _tools(body)
    return Prompt(
        model=body.model,
        messages=_messages(body.messages),
        system=_system(body.system),
        tools=tools,
        tool_choice=_tool_choice(body.tool_choice),
        thinking=_thinking(body.thinking),
        effort=_effort(body.output_config),
        unhonoured=unhonoured,
    )


def _system(system: str | list[Block] | None) -> str:
    if not isinstance(system, list):
        return system or ""
    texts = [_block(block, schemas.TextBlock, "system").text for block in system]
    return "\n\n".join(
        text for text in texts if text.strip() and not text.startswith(ATTRIBUTION)
    )


def _messages(messages: list[schemas.MessageIn]) -> tuple[Message, ...]:
    newest = max(
        (at for at, message in enumerate(messages) if message.role == "user"),
        default=-1,
    )
    return tuple(
        Message(
            message.role,
            tuple(_parts(message.content, f"messages.{at}.content", at == newest)),
        )
        for at, message in enumerate(messages)
    )


def _parts(content: schemas.Content, path: str, newest: bool) -> Iterator[Part]:
    """`newest`: of the last thing the user said, where a part that cannot be read
    is worth an error. Anywhere before, a note stands in for it."""
    if isinstance(content, str):
        yield Text(content)
        return
    for at, block in enumerate(content):
        yield from _part(block, f"{path}.{at}", newest)


def _part(block: Block, path: str, newest: bool) -> Iterator[Part]:
    match block.get("type"):
        case "tool_use":
            use = _block(block, schemas.ToolUseBlock, path)
            yield ToolUse(use.id, use.name, use.input)
        case "tool_result":
            result = _block(block, schemas.ToolResultBlock, path)
            parts = _parts(result.content or "", f"{path}.content", newest)
            content = tuple(part for part in parts if isinstance(part, Content))
            yield ToolResult(result.tool_use_id, content, bool(result.is_error))
        case "thinking":
            thinking = _block(block, schemas.ThinkingBlock, path)
            yield Thinking(thinking.thinking, thinking.signature or "")
        case "redacted_thinking":
            yield RedactedThinking(
                _block(block, schemas.RedactedThinkingBlock, path).data
            )
        case _:
            yield from _content(block, path, newest)


def _content(block: Block, path: str, newest: bool) -> Iterator[Content]:
    match block.get("type"):
        case "text":
            yield Text(_block(block, schemas.TextBlock, path).text)
        case "image":
            yield _image(_block(block, schemas.SourceBlock, path), path, newest)
        case "document":
            yield from _document(_block(block, schemas.SourceBlock, path), path, newest)
        case "search_result":
            found = _block(block, schemas.SearchResultBlock, path)
            texts = "\n".join(_texts(found.content, path))
            yield Text(f"{found.title} ({found.source})\n{texts}")
        case "tool_reference":
            named = _block(block, schemas.ToolReferenceBlock, path).tool_name
            yield Text(f"The tool {named} is available now.")
        case unknown:
            logger.debug("dropped a content block of an unknown kind: %.40r", unknown)


def _image(block: schemas.SourceBlock, path: str, newest: bool) -> Content:
    source = block.source
    if source.url.startswith(DATA_URL):
        image = image_from_data_url(source.url)
    elif source.type == "base64":
        image = image_from_base64(source.data)
    else:
        return _unreadable(
            "this image is not in the request itself: send it as base64 or data: URL",
            f"{path}.source",
            newest,
        )
    return image or _unreadable(
        "this is no PNG, JPEG, GIF or WebP in base64", f"{path}.source.data", newest
    )


def _document(block: schemas.SourceBlock, path: str, newest: bool) -> Iterator[Content]:
    source = block.source
    title = "\n".join(text for text in (block.title, block.context) if text)
    match source.type:
        case "text":
            yield Document(title, source.data)
        case "content":
            yield Document(title, "\n".join(_texts(source.content, path)))
            if isinstance(source.content, list):
                for at, inner in enumerate(source.content):
                    if inner.get("type") == "image":
                        yield from _content(inner, f"{path}.source.{at}", newest)
        case "base64" if source.media_type.startswith("text/"):
            yield Document(title, _decoded_text(source.data, path))
        case "base64":
            size = len(source.data) * 3 // 4
            yield Text(f"[{title or 'document'}: {source.media_type}, {size} bytes]")
        case _:
            yield _unreadable(
                "this document is not in the request itself: send it as base64",
                f"{path}.source",
                newest,
            )


def _decoded_text(data: str, path: str) -> str:
    try:
        return base64.b64decode(data).decode("utf-8", "replace")
    except binascii.Error as error:
        raise BadRequest(f"{path}.source.data: not base64", param=path) from error


def _unreadable(why: str, path: str, newest: bool) -> Text:
    if newest:
        raise BadRequest(f"{path}: {why}", param=path)
    return Text(f"[left out: {why}]")


def _texts(content: schemas.Content, path: str) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        return
    for block in content:
        if block.get("type") == "text":
            yield _block(block, schemas.TextBlock, path).text


def _block(block: Block, shape: type[B], path: str) -> B:
    try:
        return msgspec.convert(block, shape)
    except msgspec.ValidationError as error:
        raise invalid_field(error, path) from error


def _tools(body: CountBody) -> tuple[tuple[Tool, ...], tuple[str, ...]]:
    """The tools to offer, and which were asked for that cannot be."""
    offered: dict[str, Tool] = {}
    unhonoured = []
    referenced = set(_referenced(body.messages))
    for at, tool in enumerate(body.tools or ()):
        path = f"tools.{at}"
        if tool.type not in (None, "custom"):
            unhonoured.append(f"{path}.{tool.type}")
            continue
        if not tool.name:
            raise BadRequest(f"{path}.name: must not be empty", param=f"{path}.name")
        if tool.name in offered:
            raise BadRequest(
                f"{path}.name: {tool.name} is there twice", param=f"{path}.name"
            )
        if tool.defer_loading and tool.name not in referenced:
            continue  # the client names it in a tool_reference once it is wanted
        offered[tool.name] = Tool(
            tool.name, tool.description or "", tool.input_schema or {}
        )
    return tuple(offered.values()), tuple(unhonoured)


def _referenced(messages: list[schemas.MessageIn]) -> Iterator[str]:
    """Tools whose definition the conversation asked for (deferred tools)."""
    for message in messages:
        for block in message.content if isinstance(message.content, list) else ():
            inner = block.get("content")
            if block.get("type") == "tool_result" and isinstance(inner, list):
                for part in inner:
                    if isinstance(part, dict) and part.get("type") == "tool_reference":
                        yield str(part.get("tool_name"))


def _tool_choice(choice: schemas.ToolChoiceIn | None) -> ToolChoice:
    if choice is None:
        return ToolChoice()
    parallel = not choice.disable_parallel_tool_use
    match choice.type:
        case "any":
            return ToolChoice("any", parallel=parallel)
        case "none":
            return ToolChoice("none", parallel=parallel)
        case "tool":
            return ToolChoice("named", choice.name or "", parallel)
        case _:
            return ToolChoice(parallel=parallel)


def _thinking(thinking: schemas.ThinkingIn | None) -> ThinkingMode | None:
    match thinking.type if thinking else None:
        case None:
            return None
        case "disabled":
            return ThinkingMode("disabled")
        case "enabled" if thinking:
            return ThinkingMode("enabled", thinking.budget_tokens)
        case _:
            return ThinkingMode("adaptive")


def _effort(config: schemas.OutputConfig | None) -> Effort | None:
    return EFFORTS.get(config.effort or "") if config else None
