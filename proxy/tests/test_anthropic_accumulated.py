"""What the official SDK makes of a stream is the answer without one."""

from __future__ import annotations

from typing import Any

import anthropic
import httpx2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.anthropic.encoder import MessageStream, encode_reply
from proxy.messages import (
    Event,
    Finish,
    FinishReason,
    PartDelta,
    PartEnd,
    PartStart,
    RedactedThinking,
    SearchResult,
    ServerToolResult,
    ServerToolUse,
    Text,
    Thinking,
    ToolUse,
    Usage,
    fold,
)
from proxy.tests.grammar import check_grammar

words = st.text(max_size=20)
names = st.text("abc_", min_size=1, max_size=8)
inputs = st.dictionaries(words, words | st.integers(0, 9) | st.none(), max_size=3)


KINDS = ["text", "thinking", "redacted", "tool", "searched", "found"]
REASONS: list[FinishReason] = ["end", "tool_use", "token_limit", "refusal"]


@st.composite
def pieces(draw: st.DrawFn, text: str) -> list[str]:
    cuts = draw(st.lists(st.integers(0, len(text)), max_size=3))
    edges = [0, *sorted(cuts), len(text)]
    found = [text[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    return [piece for piece in found if piece]


@st.composite
def part(draw: st.DrawFn, index: int) -> list[Event]:
    kind = draw(st.sampled_from(KINDS))
    signature = ""
    said: list[str] = []
    start: Any
    match kind:
        case "text":
            start, said = Text(""), draw(words.flatmap(pieces))
        case "thinking":
            start, said = Thinking(""), draw(words.flatmap(pieces))
            signature = draw(st.sampled_from(["", "c2ln"]))
        case "redacted":
            start = RedactedThinking("cmVk")
        case "tool":
            encoded = draw(inputs.map(msgspec.json.encode))
            said = draw(pieces(encoded.decode()))
            start = draw(names.map(lambda name: ToolUse(f"toolu_{index}", name, {})))
        case "searched":
            encoded = msgspec.json.encode({"query": draw(words)})
            said = draw(pieces(encoded.decode()))
            start = ServerToolUse(f"tooluse_{index}", "web_search", {})
        case "found":
            page = SearchResult("https://example.com", draw(words), draw(words))
            start = ServerToolResult(f"tooluse_{index}", (page,))
    deltas = [PartDelta(index, piece) for piece in said]
    return [PartStart(index, start), *deltas, PartEnd(index, signature)]


@st.composite
def replies(draw: st.DrawFn) -> list[Event]:
    events: list[Event] = []
    for index in range(draw(st.integers(0, 5))):
        events += draw(part(index))
    reason = draw(st.sampled_from(REASONS))
    usage = Usage(draw(st.integers(1, 99)), draw(st.integers(1, 99)), searches=1)
    return check_grammar([*events, Finish(reason, usage)])


class Wire(httpx2.BaseTransport):
    """Hands a stream to the SDK as if a server had sent it."""

    def __init__(self) -> None:
        self._sent = b""
        self._sdk = anthropic.Anthropic(
            base_url="http://gateway",
            api_key="key",
            http_client=httpx2.Client(transport=self),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream; charset=utf-8"}
        return httpx2.Response(200, headers=headers, content=self._sent)

    def accumulated(self, stream: bytes) -> dict[str, Any]:
        """As the SDK has it when the stream is over."""
        self._sent = stream
        with self._sdk.messages.stream(
            model="claude", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]
        ) as events:
            return events.get_final_message().to_dict()


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire()


def without_nones(value: Any) -> Any:
    """The SDK leaves out what is null, and adds members of its own that are."""
    match value:
        case dict():
            return {k: without_nones(v) for k, v in value.items() if v is not None}
        case list():
            return [without_nones(item) for item in value]
        case _:
            return value


@settings(max_examples=40)
@given(events=replies())
def test_the_sdk_accumulates_a_stream_to_the_answer_without_one(wire, events):
    encoder = MessageStream("claude", 50, "req_1")
    stream = encoder.start() + encoder.ping() + encoder.feed(events)
    streamed = wire.accumulated(stream)
    whole = encode_reply(fold(events), "claude")
    assert streamed.pop("id").startswith("msg_")
    assert whole.pop("id").startswith("msg_")
    assert without_nones(streamed) == without_nones(whole)
