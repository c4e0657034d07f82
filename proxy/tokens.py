"""Counts and estimates tokens.

Claude's own vocabulary is not public. A public one of similar size (o200k),
scaled by what recorded answers of each model family say, is within some 6 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import toktok

from proxy import images
from proxy.catalog import Model
from proxy.messages import (
    Content,
    Document,
    File,
    Image,
    Message,
    Part,
    Prompt,
    RedactedThinking,
    RemoteImage,
    Text,
    Thinking,
    Tool,
    ToolResult,
    ToolUse,
)

VOCABULARY = "o200k_base"
FACTOR = 1.21
# The same text costs more where the vocabulary is finer; GPT's is the public one.
FACTORS = {
    "opus-4.7": 1.54,
    "opus-4.8": 1.54,
    "opus-5": 1.54,
    "sonnet-5": 1.54,
    "haiku-5": 1.54,
    "fable-5": 1.54,
    "gpt-": 1.0,
}

PER_REQUEST = 7
PER_MESSAGE = 3
PER_TOOL = 15
WITH_TOOLS = 346

# A picture costs its area; one with a longer side is scaled down before.
PIXELS_PER_TOKEN = 750
LONGEST_SIDE = 1568
IMAGE_MOST = 1600
# A page of a PDF takes some 20 KB, and its text some 1,000 tokens.
FILE_BYTES_PER_TOKEN = 20

_UNLIMITED = 2**62

# The texts of a conversation come again with every request of it.
REMEMBERED_FROM = 200
REMEMBERED_MOST = 20_000
_remembered: dict[tuple[int, int], int] = {}


def count_text(text: str, model_id: str = "") -> int:
    return round(vocabulary_count(text) * factor(model_id))


def factor(model_id: str) -> float:
    """Tokens of the model for one of the vocabulary."""
    return next(
        (factor for family, factor in FACTORS.items() if family in model_id), FACTOR
    )


def vocabulary_count(text: str) -> int:
    if len(text) < REMEMBERED_FROM:
        return truncated(text, _UNLIMITED)[1]
    key = hash(text), len(text)
    count = _remembered.get(key)
    if count is None:
        count = truncated(text, _UNLIMITED)[1]
        if len(_remembered) >= REMEMBERED_MOST:
            del _remembered[next(iter(_remembered))]
        _remembered[key] = count
    return count


def truncated(text: str, most: int) -> tuple[str, int]:
    """The beginning of the text that fits into so many tokens of the vocabulary,
    and how many the whole text takes."""
    # For a single text far cheaper than toktok's way to count, which is for many.
    beginning, count = toktok.truncate(text, most, VOCABULARY)
    return beginning, count


def estimate(prompt: Prompt, model: Model) -> int:
    """Input tokens of a prompt. Deterministic, and never less for more."""
    fixed = PER_REQUEST + PER_MESSAGE * len(prompt.messages)
    if prompt.tools:
        fixed += WITH_TOOLS + PER_TOOL * len(prompt.tools)
    fixed += sum(_textless(message.parts) for message in prompt.messages)
    texts = sum(map(vocabulary_count, _texts(prompt)))
    own = fixed + texts * factor(model.upstream_id)
    return round(own * model.token_ratio)


def _texts(prompt: Prompt) -> Iterator[str]:
    yield prompt.system
    for tool in prompt.tools:
        yield _tool_text(tool)
    for message in prompt.messages:
        yield from _message_texts(message)


def _tool_text(tool: Tool) -> str:
    return "\n".join((tool.name, tool.description, *_schema_texts(tool.schema)))


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
        case File(title=title):
            yield title
        case Image() | RemoteImage() | RedactedThinking():
            pass


def _textless(parts: Iterable[Part]) -> int:
    """What pictures and unread files among the parts cost."""
    return sum(
        _textless(part.content) if isinstance(part, ToolResult) else _content(part)
        for part in parts
        if isinstance(part, ToolResult | Content)
    )


def _content(part: Content) -> int:
    match part:
        case Image():
            sides = images.sides(part)
            return _image(*sides) if sides else IMAGE_MOST
        case RemoteImage():
            return IMAGE_MOST
        case File(data=data):
            return images.byte_count(data) // FILE_BYTES_PER_TOKEN
        case Text() | Document():
            return 0


def _image(width: int, height: int) -> int:
    scale = min(1.0, LONGEST_SIDE / max(width, height))
    area = width * scale * height * scale
    return min(max(round(area / PIXELS_PER_TOKEN), 1), IMAGE_MOST)
