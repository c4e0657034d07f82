"""Neutral events -> the Responses API's stream.

response.created response.in_progress
( output_item.added  what it is made of, part by part  output_item.done )*
response.completed, or response.incomplete, or response.failed in place of any

Events are numbered from 0. An item that is cut or fails is never done, so that
no client takes it for whole; the response as a whole says what became of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, assert_never

import msgspec

from proxy import sse
from proxy.errors import GatewayError
from proxy.messages import Event, Finish, PartDelta, PartEnd, PartStart, Reply
from proxy.responses.output import Json, Outline

_json = msgspec.json.Encoder().encode


class ResponseStream:
    def __init__(self, outline: Outline) -> None:
        self.response: Json | None = None
        """The whole response, once it is finished."""
        self._outline = outline
        self._reply = Reply()
        self._sequence = 0
        self._items = 0
        self._delta = b""

    def start(self) -> bytes:
        response = self._outline.response()
        return self._event("response.created", response=response) + self._event(
            "response.in_progress", response=response
        )

    def feed(self, events: Iterable[Event]) -> bytes:
        return b"".join([self._encode(event) for event in events])

    def ping(self) -> bytes:
        return b": ping\n\n"

    def error(self, error: GatewayError) -> bytes:
        failed = self._outline.failed(self._reply, error)
        return self._event("response.failed", response=failed)

    def _encode(self, event: Event) -> bytes:
        self._reply.add(event)
        match event:
            case PartDelta(text=text):
                # The event there are most of: written once, around its text.
                if not self._delta:
                    return b""
                number = self._next()
                return b'%b%b,"sequence_number":%d}\n\n' % (
                    self._delta,
                    _json(text),
                    number,
                )
            case PartStart(part=part):
                item = self._outline.item(self._items, part)
                return b"".join(self._opened(item)) if item else b""
            case PartEnd():
                item = self._outline.item(self._items, self._reply.parts[-1])
                return b"".join(self._done(item)) if item else b""
            case Finish():
                self.response = self._outline.finished(self._reply)
                name = f"response.{self.response['status']}"
                return self._event(name, response=self.response)
            case _:
                assert_never(event)

    def _opened(self, item: Json) -> Iterator[bytes]:
        self._delta = b""
        match item:
            case {"type": "message", "id": item_id, "content": [part]}:
                yield self._added({**item, "content": []})
                place = self._place(item_id, content_index=0)
                yield self._event("response.content_part.added", **place, part=part)
                self._write_deltas("response.output_text", **place, logprobs=[])
            case {"type": "reasoning", "id": item_id, "summary": [part]}:
                yield self._added({**item, "summary": []})
                place = self._place(item_id, summary_index=0)
                yield self._event(
                    "response.reasoning_summary_part.added", **place, part=part
                )
                self._write_deltas("response.reasoning_summary_text", **place)
            case {"type": "function_call", "id": item_id}:
                yield self._added({**item, "arguments": ""})
                self._write_deltas(
                    "response.function_call_arguments", **self._place(item_id)
                )
            case {"type": "web_search_call", "id": item_id}:
                yield self._added(item)
                yield self._event(
                    "response.web_search_call.in_progress", **self._place(item_id)
                )
            case _:
                yield self._added(item)

    def _done(self, item: Json) -> Iterator[bytes]:
        match item:
            case {"type": "message", "id": item_id, "content": [part]}:
                place = self._place(item_id, content_index=0)
                text = part["text"]
                yield self._event(
                    "response.output_text.done", **place, text=text, logprobs=[]
                )
                yield self._event("response.content_part.done", **place, part=part)
            case {"type": "reasoning", "id": item_id, "summary": [part]}:
                place = self._place(item_id, summary_index=0)
                name = "response.reasoning_summary"
                yield self._event(f"{name}_text.done", **place, text=part["text"])
                yield self._event(f"{name}_part.done", **place, part=part)
            case {"type": "function_call", "id": item_id, "arguments": arguments}:
                yield self._event(
                    "response.function_call_arguments.done",
                    **self._place(item_id),
                    name=item["name"],
                    arguments=arguments,
                )
            case {"type": "custom_tool_call", "id": item_id, "input": given}:
                place = self._place(item_id)
                name = "response.custom_tool_call_input"
                yield self._event(f"{name}.delta", **place, delta=given)
                yield self._event(f"{name}.done", **place, input=given)
            case {"type": "web_search_call", "id": item_id}:
                place = self._place(item_id)
                yield self._event("response.web_search_call.searching", **place)
                yield self._event("response.web_search_call.completed", **place)
        yield self._event(
            "response.output_item.done", output_index=self._items, item=item
        )
        self._items += 1

    def _added(self, item: Json) -> bytes:
        if "status" in item:
            item = {**item, "status": "in_progress"}
        return self._event(
            "response.output_item.added", output_index=self._items, item=item
        )

    def _place(self, item_id: str, **index: int) -> Json:
        return {"item_id": item_id, "output_index": self._items, **index}

    def _write_deltas(self, name: str, /, **members: Any) -> None:
        """Prepare the deltas of the open item, up to where their text begins."""
        data = {"type": f"{name}.delta", **members}
        self._delta = b'event: %b.delta\ndata: %b,"delta":' % (
            name.encode(),
            _json(data)[:-1],
        )

    def _event(self, name: str, /, **members: Any) -> bytes:
        data = {"type": name, "sequence_number": self._next(), **members}
        return sse.event(name, data)

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence - 1
