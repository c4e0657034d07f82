"""Counts and estimates tokens.

Claude's own vocabulary is not public. A public one of similar size (o200k),
scaled by what recorded answers of each model family say, is within some 6 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import toktok

from proxy.messages import (
    Document,
    Image,
    Message,
    Part,
    Prompt,
    RedactedThinking,
    Text,
    Thinking,
    Tool,
    ToolResult,
    ToolUse,
)

VOCABULARY = "o200k_base"
FACTOR = 1.21
# The same text costs more on these: their vocabulary is finer.
FINER_FACTOR = 1.54
FINER = ("opus-4.7", "opus-4.8", "opus-5", "sonnet-5", "haiku-5", "fable-5")

PER_REQUEST = 7
PER_MESSAGE = 3
PER_TOOL = 15
WITH_TOOLS = 346
PER_IMAGE = 1500


def count_text(text: str, model_id: str = "") -> int:
    return round(_raw((text,)) * _factor(model_id))


def truncate(text: str, most: int, model_id: str = "") -> str:
    """The beginning of the text that costs so many tokens at most."""
    whole = int(max(most, 0) / _factor(model_id))
    return str(toktok.truncate(text, whole, VOCABULARY)[0]) if whole else ""


def estimate(prompt: Prompt, model_id: str = "") -> int:
    """Input tokens of a prompt. Deterministic, and never less for more."""
    fixed = PER_REQUEST + PER_MESSAGE * len(prompt.messages)
    if prompt.tools:
        fixed += WITH_TOOLS + PER_TOOL * len(prompt.tools)
    fixed += PER_IMAGE * sum(_images(message.parts) for message in prompt.messages)
    return fixed + round(_raw(_texts(prompt)) * _factor(model_id))


def _raw(texts: Iterable[str]) -> int:
    return sum(toktok.batch_count(list(texts), VOCABULARY))


def _factor(model_id: str) -> float:
    return FINER_FACTOR if any(name in model_id for name in FINER) else FACTOR


def _texts(prompt: Prompt) -> Iterator[str]:
    yield prompt.system
    for tool in prompt.tools:
        yield from _tool_texts(tool)
    for message in prompt.messages:
        yield from _message_texts(message)


def _tool_texts(tool: Tool) -> Iterator[str]:
    yield tool.name
    yield tool.description
    yield from _schema_texts(tool.schema)


def _schema_texts(schema: object) -> Iterator[str]:
    """Property names and descriptions: the braces around them cost nothing."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "description" and isinstance(value, str):
                yield value
            elif key == "properties" and isinstance(value, dict):
                for name, below in value.items():
                    yield str(name)
                    yield from _schema_texts(below)
            else:
                yield from _schema_texts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _schema_texts(value)


def _message_texts(message: Message) -> Iterator[str]:
    for part in message.parts:
        yield from _part_texts(part)


def _part_texts(part: Part) -> Iterator[str]:
    match part:
        case Text(text) | Thinking(text, _):
            yield text
        case Document(title, text):
            yield title
            yield text
        case ToolUse(name=name, input=arguments):
            yield name
            yield msgspec.json.encode(arguments).decode()
        case ToolResult(content=content):
            for inner in content:
                yield from _part_texts(inner)
        case Image() | RedactedThinking():
            pass


def _images(parts: Iterable[Part]) -> int:
    return sum(
        _images(part.content) if isinstance(part, ToolResult) else 1
        for part in parts
        if isinstance(part, Image | ToolResult)
    )
