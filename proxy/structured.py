"""Replies that are whole before the client sees any of them, as one of a wanted
form has to be: it is checked, and asked for once more if it does not fit."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Iterator

import msgspec
from django.http import HttpResponse

from proxy.errors import UpstreamFailed
from proxy.exchange import Exchange
from proxy.formats import Format, asked, asked_again, bare, misfit
from proxy.gateway import open_reply
from proxy.messages import (
    Event,
    Finish,
    PartDelta,
    PartEnd,
    PartStart,
    Prompt,
    Reply,
    ReplyPart,
    ServerToolUse,
    Text,
    Thinking,
    ToolUse,
    collect,
)
from proxy.relay import StreamEncoder


async def whole_reply(
    prompt: Prompt, exchange: Exchange, wanted: Format | None
) -> Reply:
    if wanted is None:
        return await _collected(prompt, exchange)
    prompt = asked(prompt, wanted)
    first = await _collected(prompt, exchange)
    if not _is_answer(first):
        return first
    answer = bare(_text(first))
    fault = await to_thread(misfit, answer, wanted)
    if fault is None:
        return _with_text(first, answer)
    second = await _collected(asked_again(prompt, _text(first), fault), exchange)
    answer = bare(_text(second))
    fault = await to_thread(misfit, answer, wanted)
    if fault or not _is_answer(second):
        raise UpstreamFailed("the model's answer is not of the form asked for")
    return _with_text(second, answer, first)


def replayed(reply: Reply, encoder: StreamEncoder, exchange: Exchange) -> HttpResponse:
    """The stream of a reply that is there already."""
    return HttpResponse(
        encoder.start() + encoder.feed(events_of(reply)),
        content_type="text/event-stream; charset=utf-8",
        headers={"Cache-Control": "no-cache", **exchange.headers()},
    )


def events_of(reply: Reply) -> list[Event]:
    """What folds to this reply."""
    events = [
        event for at, part in enumerate(reply.parts) for event in _unfolded(at, part)
    ]
    return [*events, reply.whole]


async def _collected(prompt: Prompt, exchange: Exchange) -> Reply:
    async with await open_reply(prompt, exchange) as reply:
        return await collect(reply)


def _is_answer(reply: Reply) -> bool:
    """A tool call is none yet; nor is what was cut off or refused, which says so
    by its finish."""
    calls = any(isinstance(part, ToolUse) for part in reply.parts)
    return not calls and reply.whole.reason in ("end", "stop_sequence")


def _text(reply: Reply) -> str:
    return "".join(part.text for part in reply.parts if isinstance(part, Text))


def _with_text(reply: Reply, text: str, before: Reply | None = None) -> Reply:
    """The reply with this for its text, and the usage of the one `before` it too."""
    finish = reply.whole
    spent = finish.usage + before.whole.usage if before else finish.usage
    others = [part for part in reply.parts if not isinstance(part, Text)]
    return Reply(
        [*others, Text(text)], Finish(finish.reason, spent, finish.stop_sequence)
    )


def _unfolded(index: int, part: ReplyPart) -> Iterator[Event]:
    start, content, signature = part, "", ""
    match part:
        case Text(text):
            start, content = Text(""), text
        case Thinking(text, signature):
            start, content = Thinking(""), text
        case ToolUse(tool_id, name, given):
            start, content = ToolUse(tool_id, name, {}), _json(given)
        case ServerToolUse(tool_id, name, given):
            start, content = ServerToolUse(tool_id, name, {}), _json(given)
    yield PartStart(index, start)
    if content:
        yield PartDelta(index, content)
    yield PartEnd(index, signature)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
