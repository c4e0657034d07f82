"""A turn of the conversation, in the parts the service has places for.

Images have one place: the message. Those in tool results are lifted onto it, in
the order of the calls and before the user's own, and a mark stays where they
stood.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from proxy.messages import (
    Document,
    File,
    Image,
    RedactedThinking,
    RemoteImage,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)

EMPTY_RESULT = "(empty result)"
INTERRUPTED = "(The tool call was interrupted; there is no result.)"
NO_IMAGES = "This model takes none"
UNTITLED = "untitled"
IMAGES_ALONE = "(See the image.)"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back for a tool use."""

    id: str
    texts: tuple[str, ...]
    is_error: bool


@dataclass(frozen=True, slots=True)
class UserTurn:
    text: str
    images: tuple[Image, ...] = ()
    answers: tuple[Answer, ...] = ()
    cache: bool = False


@dataclass(slots=True)
class Call:
    """A tool use under the id and the names upstream gets, and what came back."""

    use: ToolUse
    id: str
    name: str
    input: Any
    results: list[ToolResult] = field(default_factory=list)


@dataclass(slots=True)
class AssistantTurn:
    texts: list[str] = field(default_factory=list)
    reasoning: Thinking | RedactedThinking | None = None
    calls: list[Call] = field(default_factory=list)
    cache: bool = False

    @property
    def text(self) -> str:
        return "\n".join(self.texts)


def user_turn(
    texts: Sequence[str],
    own_images: Sequence[Image],
    calls: Sequence[Call],
    max_images: int,
    cache: bool,
) -> UserTurn:
    """A user turn that answers `calls`, those of the turn before it."""
    images = [image for call in calls for image in _images(call)] + [*own_images]
    left_out = max(len(images) - max_images, 0)
    numbers = iter(range(1 - left_out, len(images) + 1))
    answers = tuple(_answer(call, numbers, len(images)) for call in calls)
    lines = [*texts, *_legend(calls, own_images, left_out, max_images)]
    if images and not lines and not answers:  # R-BLANK
        lines = [IMAGES_ALONE]
    return UserTurn("\n".join(lines), tuple(images[left_out:]), answers, cache)


def document_text(document: Document | File | RemoteImage) -> str:
    """R-DOCUMENT: as text under its title; what nobody has read or fetched is at
    least named."""
    match document:
        case Document(title, text):
            return f"[Document: {title or UNTITLED}]\n{text}"
        case File(_, title):
            return f"[Document: {title or UNTITLED}]\n(not read)"
        case RemoteImage(url):
            return f"[Image: {url}]\n(not fetched)"
        case _:
            assert_never(document)


def _images(call: Call) -> Iterator[Image]:
    for result in call.results:
        for part in result.content:
            if isinstance(part, Image):
                yield part


def _answer(call: Call, numbers: Iterator[int], images: int) -> Answer:
    if not call.results:  # R-RESULT-MISSING
        return Answer(call.id, (INTERRUPTED,), True)
    texts: list[str] = []
    for part in (part for result in call.results for part in result.content):
        match part:
            case Text(text):
                texts.append(text)
            case Document() | File() | RemoteImage():
                texts.append(document_text(part))
            case Image():
                texts.append(_mark(next(numbers), images))
            case _:
                assert_never(part)
    spoken = tuple(text for text in texts if text.strip())
    is_error = any(result.is_error for result in call.results)
    return Answer(call.id, spoken or (EMPTY_RESULT,), is_error)  # R-RESULT-EMPTY


def _mark(number: int, images: int) -> str:
    """R-IMAGE-LIFT: what stays where an image stood in a result."""
    if number < 1:
        return "(an image that was left out)"
    if images == 1:
        return "(the image of this message)"
    return f"(image {number} of this message)"


def _legend(
    calls: Sequence[Call], own: Sequence[Image], left_out: int, max_images: int
) -> Iterator[str]:
    """R-IMAGE-LEGEND: of several images, which belongs to which call.
    R-IMAGE-LIMIT: how many were left out."""
    owners = [f"{call.name} {call.id}" for call in calls for _ in _images(call)]
    if left_out:
        most = f"A message takes {max_images}, the newest" if max_images else NO_IMAGES
        yield f"(Images left out: {left_out}. {most}.)"
    if owners and len(owners) + len(own) > 1:
        shown = [*owners, *("the user" for _ in own)][left_out:]
        items = (f"{number} from {owner}" for number, owner in enumerate(shown, 1))
        yield f"(Images of this message: {'; '.join(items)}.)"
