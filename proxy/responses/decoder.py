"""The Responses API's request -> Prompt.

What the API knows and upstream cannot do goes to `Prompt.unhonoured`; what
would give the user something plainly different is a 400 with the field's name.
Nothing that stands in the history is ever refused. Calls of tools that only the
API's own servers know stay as calls of a tool of that name. Dropped knowingly:
item ids, phases and statuses, and items and parts of kinds we do not know.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from proxy.errors import BadRequest
from proxy.formats import Format, read_format
from proxy.messages import Content as ContentPart
from proxy.messages import Message, Part, Prompt, Text, ToolResult, ToolUse
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
from proxy.responses.reasoning import unseal
from proxy.responses.schemas import (
    Block,
    CallOutputItem,
    Content,
    CustomCallItem,
    FilePart,
    FunctionCallItem,
    ImagePart,
    Item,
    MessageItem,
    ReasoningItem,
    RefusalPart,
    ResponsesBody,
    TextPart,
)
from proxy.responses.tools import INPUT, Offer, joined

logger = logging.getLogger(__name__)

UNSUPPORTED = {
    "background": "nothing runs in the background here",
    "conversation": "no conversations are kept here: use previous_response_id",
    "prompt": "no prompts are kept here",
    "top_logprobs": "upstream tells none",
}
UNHONOURED = ("temperature", "top_p", "max_tool_calls", "truncation", "service_tier")
DEFAULTS = (None, "auto", "disabled")
# What of a hosted tool's call is not its input.
ENVELOPE = ("type", "id", "call_id", "status", "caller")


def items_of(body: ResponsesBody) -> list[Item]:
    if isinstance(body.input, str):
        return [{"type": "message", "role": "user", "content": body.input}]
    return body.input


def decode_request(
    body: ResponsesBody,
    items: Sequence[Item],
    offer: Offer,
    conversation: str = "",
) -> Prompt:
    """`items` are those of the earlier responses, and the request's own."""
    _refuse_unsupported(body)
    if not items:
        raise BadRequest("input: must not be empty", param="input")
    system, messages = apart(list(_messages(items)))
    asked_effort = body.reasoning.effort if body.reasoning else None
    mode, effort = thinking(asked_effort)
    prompt = Prompt(
        model=body.model,
        messages=messages,
        system="\n\n".join(filter(None, [body.instructions, system, *offer.told])),
        tools=offer.tools,
        tool_choice=offer.choice,
        web_search=offer.web_search,
        max_tokens=token_limit(body.max_output_tokens, "max_output_tokens"),
        thinking=mode,
        effort=effort,
        conversation=conversation,
    )
    unhonoured = (
        *_unhonoured(body),
        *offer.unhonoured,
        *in_vain(prompt, asked_effort, "reasoning.effort"),
    )
    return replace(prompt, unhonoured=unhonoured)


def decode_format(body: ResponsesBody) -> Format | None:
    wanted = body.text.format if body.text else None
    return read_format(wanted.type, wanted.schema, "text.format") if wanted else None


def _refuse_unsupported(body: ResponsesBody) -> None:
    for name, why in UNSUPPORTED.items():
        if getattr(body, name):
            raise unsupported(name, why)


def _unhonoured(body: ResponsesBody) -> Iterator[str]:
    for name in UNHONOURED:
        value = getattr(body, name)
        if not isinstance(value, str | None) or value not in DEFAULTS:
            yield name
    if body.text and body.text.verbosity not in (None, "medium"):
        yield "text.verbosity"


def _messages(items: Sequence[Item]) -> Iterator[Message]:
    newest = max(
        (at for at, item in enumerate(items) if item.get("role") == "user"),
        default=-1,
    )
    for at, item in enumerate(items):
        if message := _item(item, f"input.{at}", at == newest):
            yield message


def _item(item: Item, path: str, newest: bool) -> Message | None:
    match item.get("type") or "message":
        case "message":
            message = convert(item, MessageItem, path)
            role = "system" if message.role == "developer" else message.role
            content = _content(message.content, f"{path}.content", newest)
            return Message(role, tuple(content))
        case "function_call":
            call = convert(item, FunctionCallItem, path)
            name = joined(call.name, call.namespace)
            return _assistant(ToolUse(call.call_id, name, arguments(call.arguments)))
        case "custom_tool_call":
            custom = convert(item, CustomCallItem, path)
            name = joined(custom.name, custom.namespace)
            return _assistant(
                ToolUse(custom.call_id, name, {INPUT: custom.input or ""})
            )
        case "reasoning":
            reasoning = convert(item, ReasoningItem, path)
            text = "\n\n".join(_texts(reasoning.summary or reasoning.content or ()))
            return _assistant(unseal(text, reasoning.encrypted_content or ""))
        case str(kind) if kind.endswith("_call_output"):
            result = convert(item, CallOutputItem, path)
            content = _output(result.output, f"{path}.output")
            return Message("user", (ToolResult(result.call_id or "", tuple(content)),))
        case str(kind) if kind.endswith("_call") and item.get("call_id"):
            given = {key: value for key, value in item.items() if key not in ENVELOPE}
            tool = kind.removesuffix("_call")
            return _assistant(ToolUse(str(item["call_id"]), tool, given))
        case unknown:
            logger.debug("dropped an item of an unknown kind: %.40r", unknown)
            return None


def _assistant(part: Part) -> Message:
    return Message("assistant", (part,))


def _content(content: Content | None, path: str, newest: bool) -> Iterator[ContentPart]:
    if isinstance(content, str):
        yield Text(content)
        return
    for at, block in enumerate(content or ()):
        yield from _part(block, f"{path}.{at}", newest)


def _part(block: Block, path: str, newest: bool) -> Iterator[ContentPart]:
    match block.get("type"):
        case "input_text" | "output_text" | "text" | "summary_text":
            yield Text(convert(block, TextPart, path).text)
        case "refusal":
            yield Text(convert(block, RefusalPart, path).refusal)
        case "input_image":
            url = convert(block, ImagePart, path).image_url or ""
            yield image(url, f"{path}.image_url", newest)
        case "input_file":
            sent = convert(block, FilePart, path)
            yield file(sent.file_data or "", sent.filename or "", path, newest)
        case "input_audio":
            yield unreadable("there is no audio here", path, newest)
        case unknown:
            logger.debug("dropped a content part of an unknown kind: %.40r", unknown)


def _output(output: Any, path: str) -> Iterator[ContentPart]:
    match output:
        case str():
            yield Text(output)
        case [{"type": "input_text" | "input_image" | "input_file"}, *_]:
            yield from _content(output, path, newest=False)
        case _:
            yield Text(msgspec.json.encode(output).decode())


def _texts(blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for block in blocks:
        if isinstance(text := block.get("text"), str):
            yield text
