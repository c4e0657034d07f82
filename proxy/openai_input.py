"""What the requests of OpenAI's two APIs say alike, and what it means here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from proxy.errors import BadRequest, invalid_field
from proxy.images import image_from_data_url
from proxy.messages import (
    Effort,
    File,
    Image,
    Message,
    Prompt,
    RemoteImage,
    Text,
    ThinkingMode,
)

B = TypeVar("B")

EFFORTS: dict[str, Effort] = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}


def apart(messages: Sequence[Message]) -> tuple[str, tuple[Message, ...]]:
    """The system text of the beginning, and the messages. What the system says
    later keeps its place, and so do pictures: no text can hold them."""
    start = next(
        (at for at, message in enumerate(messages) if message.role != "system"),
        len(messages),
    )
    texts: list[str] = []
    rest: list[Message] = []
    for message in messages[:start]:
        parts = [part for part in message.parts if not isinstance(part, Text)]
        texts += [part.text for part in message.parts if isinstance(part, Text)]
        if parts:
            rest.append(Message("system", tuple(parts)))
    spoken = "\n\n".join(text for text in texts if text.strip())
    return spoken, (*rest, *messages[start:])


def unsupported(param: str, why: str) -> BadRequest:
    return BadRequest(f"{param}: {why}", param=param, code="unsupported_parameter")


def convert(value: Mapping[str, Any], shape: type[B], path: str) -> B:
    """One element of a list whose kinds are told apart by their `type`."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise invalid_field(error, path) from error


def arguments(text: str | None) -> Mapping[str, Any]:
    """A tool call's arguments. Those of the history may be anything the model
    once wrote; what is no JSON object is kept as it stands."""
    if text is None or not text.strip():
        return {}
    try:
        parsed = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {"_raw": text}
    return parsed if isinstance(parsed, dict) else {"_raw": text}


def thinking(effort: str | None) -> tuple[ThinkingMode | None, Effort | None]:
    match effort:
        case "none":
            return ThinkingMode("disabled"), None
        case str() if effort in EFFORTS:
            return ThinkingMode("adaptive"), EFFORTS[effort]
        case _:
            return None, None


def image(url: str, path: str, newest: bool) -> Image | RemoteImage | Text:
    """`newest` as for `unreadable`."""
    if url.startswith(("http://", "https://")):
        return RemoteImage(url)
    return image_from_data_url(url) or unreadable(
        "this is no PNG, JPEG, GIF or WebP in base64, as a data: URL",
        path,
        newest,
        code="invalid_image_format",
    )


def file(data: str, name: str, path: str, newest: bool) -> File | Text:
    """`data` is a data: URL, or the base64 alone."""
    if not data:
        return unreadable("this file is not in the request itself", path, newest)
    head, comma, content = data.partition(";base64,")
    media_type = head.removeprefix("data:") if comma else "application/pdf"
    return File(media_type, name, content if comma else data)


def unreadable(
    why: str, path: str, newest: bool, code: str = "unsupported_parameter"
) -> Text:
    """In the `newest` thing the user said, an error. Anywhere before, a note: it
    stays in the history, and the conversation would be lost for good."""
    if newest:
        raise BadRequest(f"{path}: {why}", param=path, code=code)
    return Text(f"[left out: {why}]")


def in_vain(prompt: Prompt, effort: str | None, param: str) -> Iterator[str]:
    """What both APIs may ask for that cannot be promised."""
    if prompt.tool_choice.mode in ("any", "named"):
        yield "tool_choice"  # said to the model, which need not obey
    if effort is not None and effort != "none" and effort not in EFFORTS:
        yield param


def token_limit(most: int | None, param: str) -> int | None:
    if most is not None and most < 1:
        raise BadRequest(f"{param}: must be at least 1", param=param)
    return most


def refuse_remote_images(prompt: Prompt, param: str) -> None:
    """In the newest thing the user said. Of those before, a note will tell."""
    spoken = [message for message in prompt.messages if message.role == "user"]
    for part in spoken[-1].parts if spoken else ():
        if isinstance(part, RemoteImage):
            raise unsupported(
                param, "images are not fetched here: send them as data: URLs"
            )
