"""The Messages API's request -> Prompt.

What the API knows and upstream cannot do goes to `Prompt.unhonoured`; what would
give the user something plainly different is a 400 with the field's path. Dropped
knowingly: fields we do not know, how long a cache mark is to hold, and on which of
the blocks of a message it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from proxy.anthropic import schemas
from proxy.anthropic.content import Reading, decode_content, decode_texts
from proxy.anthropic.schemas import Block, CountBody, MessageIn, MessagesBody
from proxy.anthropic.tools import decode_tool_choice, decode_tools
from proxy.errors import BadRequest
from proxy.formats import Format, read_format
from proxy.messages import Effort, Message, Prompt, Text, ThinkingMode

# The client's own line about itself: differs per conversation, instructs nobody.
ATTRIBUTION = "x-anthropic-billing-header:"

UNSUPPORTED = {
    "compaction": "compaction by the API is not available here",
    "mcp_servers": "MCP servers cannot be reached from here: the client can",
    "container": "containers are not available here",
}
UNHONOURED = (
    "temperature",
    "top_p",
    "top_k",
    "billing_policy",
    "context_management",
    "diagnostics",
    "fallback_credit_token",
    "fallbacks",
    "inference_geo",
    "service_tier",
    "speed",
    "thread",
    "user_profile_id",
    "workspace_id",
)

EFFORTS: dict[str | None, Effort] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}


def decode_request(
    body: MessagesBody, conversation: str = "", *, remote_images: bool = False
) -> Prompt:
    """`remote_images`: images may be named by their address."""
    for name, why in UNSUPPORTED.items():
        if getattr(body, name):
            raise BadRequest(f"{name}: {why}", param=name)
    if isinstance(body.thread, dict) and body.thread.get("type") == "continue":
        raise BadRequest("thread: no conversation is kept here", param="thread")
    if body.max_tokens is not None and body.max_tokens < 0:
        raise BadRequest("max_tokens: must not be negative", param="max_tokens")
    prompt = decode_count(body, remote_images=remote_images)
    return replace(
        prompt,
        conversation=conversation,
        max_tokens=body.max_tokens,
        stop_sequences=tuple(text for text in body.stop_sequences or () if text),
        unhonoured=(*prompt.unhonoured, *_unhonoured(body, prompt)),
    )


def decode_format(body: MessagesBody) -> Format | None:
    """The form that the answer is to have; None: any."""
    config = body.output_config
    path, wanted = (
        ("output_config.format", config.format)
        if config and config.format
        else ("output_format", body.output_format)
    )
    return read_format(wanted.type, wanted.schema, path) if wanted else None


def decode_count(body: CountBody, *, remote_images: bool = False) -> Prompt:
    """What count_tokens counts: the prompt without how it is to be answered."""
    if not body.messages:
        raise BadRequest("messages: must not be empty", param="messages")
    tools = decode_tools(body.tools or (), body.messages)
    reading = Reading(
        searches=tools.web_search is not None, remote_images=remote_images
    )
    messages = list(_messages(body.messages, reading))
    if body.cache_control and messages:
        messages[-1] = replace(messages[-1], cache=True)
    tools_cached = any(tool.cache_control for tool in body.tools or ())
    return Prompt(
        model=body.model,
        messages=tuple(messages),
        system=_system(body.system),
        tool_choice=decode_tool_choice(body.tool_choice, tools),
        tools=tools.offered,
        web_search=tools.web_search,
        thinking=_thinking(body.thinking),
        effort=_effort(body),
        cache=tools_cached or _is_cached(body.system),
        unhonoured=tuple(tools.unhonoured),
    )


def _unhonoured(body: MessagesBody, prompt: Prompt) -> Iterator[str]:
    for name in UNHONOURED:
        if getattr(body, name) is not None:
            yield name
    if prompt.tool_choice.mode in ("any", "named"):
        yield "tool_choice"  # said to the model, which need not obey
    if config := body.output_config:
        if config.task_budget is not None:
            yield "output_config.task_budget"
        if config.effort is not None and config.effort not in EFFORTS:
            yield "output_config.effort"


def _system(system: str | list[Block] | None) -> str:
    texts = decode_texts(system or "", "system")
    return "\n\n".join(
        text for text in texts if text.strip() and not text.startswith(ATTRIBUTION)
    )


def _messages(messages: Sequence[MessageIn], reading: Reading) -> Iterator[Message]:
    newest = max(
        (at for at, message in enumerate(messages) if message.role == "user"),
        default=-1,
    )
    compacted_at, blocks = _last_compaction(messages)
    if summary := _summary(blocks):
        yield Message("user", (summary,))
    for at, message in enumerate(messages):
        if at < compacted_at:
            continue
        if message.clear_at == "next_user_message" and at < newest:
            continue
        path = f"messages.{at}"
        content = _content(message, path)
        if at == compacted_at:
            content = blocks[1:]
        mode = replace(reading, strict=at == newest)
        parts = decode_content(content, f"{path}.content", mode)
        yield Message(message.role, tuple(parts), _is_cached(content))


def _is_cached(content: schemas.Content | None) -> bool:
    """Whether the client marked a block for caching."""
    return isinstance(content, list) and any(b.get("cache_control") for b in content)


def _content(message: MessageIn, path: str) -> schemas.Content:
    if message.content is None and message.role == "user":
        # A message of role system may do without it, so the schema lets it.
        why = "Object missing required field `content`"
        raise BadRequest(f"{path}: {why}", param=path)
    return message.content or ""


def _last_compaction(messages: Sequence[MessageIn]) -> tuple[int, list[Block]]:
    """Where the last summary stands, and the blocks of that message from it on.
    All that was before it is in it, and is not shown to the model any more."""
    for at in reversed(range(len(messages))):
        content = messages[at].content
        if isinstance(content, list):
            for number in reversed(range(len(content))):
                if content[number].get("type") == "compaction" and _summary(
                    content[number:]
                ):
                    return at, content[number:]
    return -1, []


def _summary(blocks: list[Block]) -> Text | None:
    """The text of a compaction; one without was a failure, and means nothing."""
    text = blocks[0].get("content") if blocks else None
    if not isinstance(text, str) or not text:
        return None
    return Text(f"(The conversation before this, in short:)\n{text}")


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


def _effort(body: CountBody) -> Effort | None:
    """A message of role system may change it from there on."""
    configs = [body.output_config, *(m.output_config for m in body.messages)]
    told = [EFFORTS[c.effort] for c in configs if c and c.effort in EFFORTS]
    return told[-1] if told else None
