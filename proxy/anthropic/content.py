"""Content blocks -> parts.

Nothing that stands in the history is ever refused: it stays there, and the
conversation would be lost for good. A block that cannot be read is a 400 with its
path in the newest thing the user said; anywhere before, and in tool results,
which nobody typed, a note stands in for it. Dropped knowingly: citations, and
blocks of kinds that we do not know.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec

from proxy import searchtool
from proxy.anthropic import schemas
from proxy.anthropic.schemas import Block
from proxy.errors import BadRequest, invalid_field
from proxy.images import DATA_URL, image_from_base64, image_from_data_url
from proxy.messages import (
    Content,
    Document,
    File,
    Part,
    RedactedThinking,
    RemoteImage,
    SearchResult,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)

logger = logging.getLogger(__name__)

B = TypeVar("B")

# Where the API's own tools put what a model can read.
READABLE = ("title", "url", "text", "data", "stdout", "stderr", "tool_name")


@dataclass(frozen=True, slots=True)
class Reading:
    strict: bool = False
    """A block that cannot be read is an error."""
    searches: bool = False
    """The web is searched in this request: what was found before goes back as it
    came, as tool uses. Otherwise there is no such tool, and it becomes text."""
    remote_images: bool = False
    """Images may be named by their address."""


def decode_content(
    content: schemas.Content, path: str, reading: Reading
) -> Iterator[Part]:
    if isinstance(content, str):
        if content:
            yield Text(content)
        return
    for at, block in enumerate(content):
        try:
            yield from _part(block, f"{path}.{at}", reading)
        except BadRequest as fault:
            if reading.strict:
                raise
            yield Text(f"(left out: {fault.message.removeprefix(f'{fault.param}: ')})")


def decode_block(block: Block, shape: type[B], path: str) -> B:
    try:
        return msgspec.convert(block, shape)
    except msgspec.ValidationError as error:
        raise invalid_field(error, path) from error


def decode_texts(content: schemas.Content, path: str) -> Iterator[str]:
    """The texts of the blocks; blocks of other kinds are passed over."""
    if isinstance(content, str):
        yield content
        return
    for at, block in enumerate(content):
        if block.get("type", "text") == "text":
            yield decode_block(block, schemas.TextBlock, f"{path}.{at}").text


def _part(block: Block, path: str, reading: Reading) -> Iterator[Part]:
    match block.get("type"):
        case "text":
            yield Text(decode_block(block, schemas.TextBlock, path).text)
        case "tool_use":
            use = decode_block(block, schemas.ToolUseBlock, path)
            yield ToolUse(use.id, use.name, _input(use))
        case "tool_result":
            yield _tool_result(block, path, reading)
        case "thinking":
            thinking = decode_block(block, schemas.ThinkingBlock, path)
            yield Thinking(thinking.thinking, thinking.signature or "")
        case "redacted_thinking":
            redacted = decode_block(block, schemas.RedactedThinkingBlock, path)
            yield RedactedThinking(redacted.data)
        case "image":
            yield _image(block, path, reading)
        case "document":
            yield from _document(block, path, reading)
        case "search_result":
            found = decode_block(block, schemas.SearchResultBlock, path)
            texts = "\n".join(decode_texts(found.content, f"{path}.content"))
            yield Text(f"{found.title} ({found.source})\n{texts}")
        case "tool_reference":
            named = decode_block(block, schemas.ToolReferenceBlock, path).tool_name
            yield Text(f"The tool {named} is available now.")
        case "server_tool_use" | "mcp_tool_use":
            yield _server_tool_use(block, path, reading)
        case "web_search_tool_result":
            yield _web_search_result(block, path, reading)
        case str(kind) if kind.endswith("_tool_result"):
            yield Text("\n".join((f"[{kind}]", *_readable(block.get("content")))))
        case unknown:
            logger.debug("dropped a content block of kind %.40r", unknown)


def _input(use: schemas.ToolUseBlock) -> dict[str, Any]:
    """What a model once wrote may be no object: it is kept as it stands."""
    return use.input if isinstance(use.input, dict) else {"_raw": use.input}


def _tool_result(block: Block, path: str, reading: Reading) -> ToolResult:
    result = decode_block(block, schemas.ToolResultBlock, path)
    lenient = replace(reading, strict=False)
    parts = decode_content(result.content or "", f"{path}.content", lenient)
    content = tuple(part for part in parts if isinstance(part, Content))
    return ToolResult(result.tool_use_id, content, bool(result.is_error))


def _image(block: Block, path: str, reading: Reading) -> Content:
    source = decode_block(block, schemas.SourceBlock, path).source
    if source.url.startswith(DATA_URL):
        image = image_from_data_url(source.url)
    elif source.type == "base64":
        image = image_from_base64(source.data)
    elif source.type == "url" and reading.remote_images:
        return RemoteImage(source.url)
    else:
        raise _unreadable(
            "this image is not in the request itself: send it as base64 or data: URL",
            f"{path}.source",
        )
    if image is None:
        raise _unreadable(
            "this is no PNG, JPEG, GIF or WebP in base64", f"{path}.source.data"
        )
    return image


def _document(block: Block, path: str, reading: Reading) -> Iterator[Part]:
    document = decode_block(block, schemas.SourceBlock, path)
    source = document.source
    where = f"{path}.source"
    title = "\n".join(text for text in (document.title, document.context) if text)
    match source.type:
        case "text":
            yield Document(title, source.data)
        case "content":
            texts = decode_texts(source.content, f"{where}.content")
            yield Document(title, "\n".join(texts))
            if isinstance(source.content, list):
                pictures = [b for b in source.content if b.get("type") == "image"]
                yield from decode_content(pictures, f"{where}.content", reading)
        case "base64" if source.media_type.startswith("text/"):
            yield Document(title, _decoded(source.data, f"{where}.data"))
        case "base64":
            yield File(source.media_type, title, source.data)
        case _:
            raise _unreadable(
                "this document is not in the request itself: send it as base64", where
            )


def _decoded(data: str, path: str) -> str:
    try:
        return base64.b64decode(data).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise _unreadable("this is not base64", path) from error


def _server_tool_use(block: Block, path: str, reading: Reading) -> Part:
    use = decode_block(block, schemas.ToolUseBlock, path)
    if reading.searches and use.name == searchtool.NAME:
        return ToolUse(use.id, use.name, _input(use))
    return Text(f"[{use.name}: {msgspec.json.encode(use.input).decode()}]")


def _web_search_result(block: Block, path: str, reading: Reading) -> Part:
    found = decode_block(block, schemas.WebSearchResultBlock, path)
    match found.content:
        case schemas.WebSearchError(error_code=code):
            failed, text = True, f"The search failed: {code}"
        case results:
            words = searchtool.in_words(tuple(map(_search_result, results)))
            failed, text = False, words
    if reading.searches:
        return ToolResult(found.tool_use_id, (Text(text),), failed)
    return Text(text)


def _search_result(result: schemas.WebSearchResult) -> SearchResult:
    """With the content that `blocks` wrote; another API's is not for us to read."""
    try:
        text = base64.b64decode(result.encrypted_content, validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    return SearchResult(result.url, result.title, text, result.page_age or "")


def _readable(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _readable(item)
        case dict() if value.get("type") == "base64":
            yield f"({value.get('media_type')})"
        case dict():
            for name, inner in value.items():
                if isinstance(inner, dict | list) or name in READABLE:
                    yield from _readable(inner)


def _unreadable(why: str, path: str) -> BadRequest:
    return BadRequest(f"{path}: {why}", param=path)
