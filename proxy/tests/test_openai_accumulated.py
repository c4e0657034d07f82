"""A stream and the answer without one are the same: by the official SDK's own
accumulator for Chat Completions, and by the items that are done for Responses."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import msgspec
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.messages import (
    Event,
    Finish,
    FinishReason,
    PartDelta,
    PartEnd,
    PartStart,
    RedactedThinking,
    Text,
    Thinking,
    ToolUse,
    Usage,
    fold,
)
from proxy.openai.encoder import ChatStream, Completion, encode_reply
from proxy.responses.encoder import ResponseStream
from proxy.responses.output import Outline
from proxy.responses.tools import Spelling
from proxy.tests.grammar import check_grammar

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
names = st.sampled_from(["weather", "patch", "space__search"])
values = st.dictionaries(words, words | st.integers(0, 9) | st.none(), max_size=3)
REASONS: list[FinishReason] = ["end", "tool_use", "token_limit", "refusal"]
SPELLING = Spelling(frozenset({"patch"}), {"space__search": ("space", "search")})


@st.composite
def cut_up(draw: st.DrawFn, text: str) -> list[str]:
    cuts = draw(st.lists(st.integers(0, len(text)), max_size=3))
    edges = [0, *sorted(cuts), len(text)]
    pieces = [text[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    return [piece for piece in pieces if piece]


@st.composite
def part(draw: st.DrawFn, index: int) -> list[Event]:
    start: Any
    pieces: list[str] = []
    signature = ""
    match draw(st.sampled_from(["text", "thinking", "redacted", "tool"])):
        case "text":
            start, pieces = Text(""), draw(words.flatmap(cut_up))
        case "thinking":
            start, pieces = Thinking(""), draw(words.flatmap(cut_up))
            signature = draw(st.sampled_from(["", "c2ln"]))
        case "redacted":
            start = RedactedThinking("cmVk")
        case "tool":
            start = ToolUse(f"call_{index}", draw(names), {})
            given_input = msgspec.json.encode(draw(values)).decode()
            pieces = draw(st.just([]) | cut_up(given_input))
    deltas = [PartDelta(index, piece) for piece in pieces]
    return [PartStart(index, start), *deltas, PartEnd(index, signature)]


@st.composite
def replies(draw: st.DrawFn) -> list[Event]:
    count = draw(st.integers(0, 5))
    events = [event for index in range(count) for event in draw(part(index))]
    usage = Usage(draw(st.integers(1, 99)), draw(st.integers(1, 99)))
    return check_grammar([*events, Finish(draw(st.sampled_from(REASONS)), usage)])


class Wire(httpx2.BaseTransport):
    """Hands a stream to the SDK as if a server had sent it."""

    def __init__(self) -> None:
        self._sent = b""
        self._sdk = openai.OpenAI(
            base_url="http://gateway/v1",
            api_key="key",
            http_client=httpx2.Client(transport=self),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream; charset=utf-8"}
        return httpx2.Response(200, headers=headers, content=self._sent)

    def accumulated(self, stream: bytes) -> dict[str, Any]:
        """Of one that was cut off or refused, the SDK tells by an exception."""
        self._sent = stream
        with self._sdk.chat.completions.stream(
            model="claude", messages=[{"role": "user", "content": "Hi"}]
        ) as events:
            try:
                return events.get_final_completion().to_dict()
            except (
                openai.LengthFinishReasonError,
                openai.ContentFilterFinishReasonError,
            ) as cut:
                assert cut.completion
                return cut.completion.to_dict()


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire()


def comparable(value: Any) -> Any:
    """Without what is null, which the SDK leaves out and adds, without its own
    index of a call, and with arguments as what they mean."""
    match value:
        case {"arguments": str(arguments), "name": name}:
            return {"name": name, "arguments": json.loads(arguments)}
        case dict():
            return {
                key: comparable(inner)
                for key, inner in value.items()
                if inner not in (None, "") and key not in ("index", "object")
            }
        case list():
            return [comparable(inner) for inner in value]
        case _:
            return value


@settings(max_examples=40, deadline=None)
@given(events=replies())
def test_the_sdk_accumulates_a_chat_to_the_answer_without_a_stream(wire, events):
    completion = Completion("claude")
    encoder = ChatStream(completion, include_usage=True)
    stream = encoder.start() + encoder.ping() + encoder.feed(events)
    whole = encode_reply(fold(events), completion)
    assert comparable(wire.accumulated(stream)) == comparable(whole)


@settings(max_examples=40, deadline=None)
@given(events=replies())
def test_the_items_that_are_done_are_those_of_the_response(events):
    outline = Outline("claude", {}, SPELLING)
    encoder = ResponseStream(outline)
    stream = encoder.start() + encoder.ping() + encoder.feed(events)
    told = [
        json.loads(line.removeprefix("data: "))
        for line in stream.decode().split("\n")
        if line.startswith("data: ")
    ]
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    done = [e["item"] for e in told if e["type"] == "response.output_item.done"]
    whole = outline.finished(fold(events))
    assert done == told[-1]["response"]["output"] == whole["output"]
    assert whole["usage"] == told[-1]["response"]["usage"]
    assert [event["output_index"] for event in told if event.get("item")] == [
        index for index in range(len(done)) for _ in ("added", "done")
    ]
