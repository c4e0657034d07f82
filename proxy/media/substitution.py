"""Which parts of a prompt have to be read first, and what stands for them then."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias, assert_never

import msgspec

from proxy import images
from proxy.media.jobs import Unreadable
from proxy.messages import (
    Content,
    Document,
    File,
    Image,
    Message,
    Part,
    Prompt,
    RemoteImage,
    Text,
    ToolResult,
)

Attached: TypeAlias = File | RemoteImage | Image
ATTACHED = (File, RemoteImage, Image)
Ready: TypeAlias = Text | Image | Document


def find_attached(prompt: Prompt) -> list[Attached]:
    """Each once, the newest last."""
    return list(dict.fromkeys(_attached(prompt)))


def substitute(prompt: Prompt, ready: Mapping[Attached, Ready]) -> Prompt:
    def substituted(message: Message) -> Message:
        parts = tuple(_substituted(part, ready) for part in message.parts)
        return message if parts == message.parts else replace(message, parts=parts)

    return replace(prompt, messages=tuple(map(substituted, prompt.messages)))


def key_of(part: Attached) -> bytes:
    """Equal for equal parts only."""
    content = msgspec.msgpack.encode((type(part).__name__, part))
    return hashlib.sha256(content).digest()


def size_of(ready: Ready) -> int:
    """In memory, near enough."""
    return sys.getsizeof(ready.data if isinstance(ready, Image) else ready.text)


def note(part: Attached, unreadable: Unreadable) -> Text:
    """What the model is told in place of the attachment."""
    match part:
        case File(media_type, title, data):
            extent = f"{media_type}, {images.byte_count(data):,} bytes"
            if unreadable.pages:
                extent = f"{unreadable.pages} pages"
            name = f"document {title}".rstrip()
            why = f"its text could not be read: {unreadable.why}"
            return Text(f"[{name}: {extent}; {why}]")
        case Image() | RemoteImage():
            return Text(f"[an image was left out: {unreadable.why}]")
        case _:
            assert_never(part)


def _attached(prompt: Prompt) -> Iterator[Attached]:
    for message in prompt.messages:
        for part in message.parts:
            if isinstance(part, Text):  # the most frequent, and done with soonest
                continue
            for content in part.content if isinstance(part, ToolResult) else (part,):
                if isinstance(content, ATTACHED) and not _fits(content):
                    yield content


def _fits(part: Attached) -> bool:
    return isinstance(part, Image) and images.fits(part)


def _substituted(part: Part, ready: Mapping[Attached, Ready]) -> Part:
    if isinstance(part, ToolResult):
        content = tuple(_substitute(inner, ready) for inner in part.content)
        return replace(part, content=content)
    if isinstance(part, ATTACHED):
        return ready.get(part, part)
    return part


def _substitute(part: Content, ready: Mapping[Attached, Ready]) -> Content:
    return ready.get(part, part) if isinstance(part, ATTACHED) else part
