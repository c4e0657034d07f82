"""Every scripted answer of upstream, cut anywhere, is told truly to the end.

The bytes go the way of a reply: frames, events, the Messages stream; the official
SDK reads that stream from memory.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, compress
from typing import Any

import anthropic
import httpx2
import msgspec
import pytest

from proxy.anthropic.encoder import ERROR_TYPES, MessageStream, encode_reply
from proxy.codewhisperer.decoder import ReplyDecoder
from proxy.codewhisperer.eventstream import EventStreamDecoder, EventStreamError
from proxy.codewhisperer.names import ToolNames, name_tools
from proxy.errors import EmptyReply, GatewayError, StreamBroken
from proxy.messages import Event, fold
from proxy.tests.grammar import check_grammar, merged
from simulator.chunking import Chunk
from simulator.encoding import Asked, encode
from simulator.models import MODELS
from simulator.parsing import parse_reply
from simulator.replies import Stream, UseTool
from simulator.scripts import ANSWERS, SCRIPTS

Json = dict[str, Any]

MODEL = "claude-sonnet-4"
STREAMS = [name for name in SCRIPTS if isinstance(parse_reply(name).answer, Stream)]

TOOLS = ["get_weather", "get_time", "write_file"]
PLAIN = name_tools(TOOLS)
RENAMED = name_tools(TOOLS, {tool: {"city": "the city"} for tool in TOOLS})
"""Here a property had to be shortened: the input is held back until it is whole."""
CASES = [
    *(pytest.param(name, PLAIN, id=name) for name in STREAMS),
    *(
        pytest.param(name, RENAMED, id=f"{name}-renamed")
        for name in STREAMS
        if any("tool" in step for step in SCRIPTS[name]["steps"])
    ),
]

SHORT = 4096
"""Bytes: up to here, every cut is tried; beyond, those at frame borders and some."""
SOME = 20
TAGS = ("<thinking>", "</thinking>")

# The SDK says when Anthropic itself retires a model; that is not about us.
pytestmark = pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")


@dataclass(frozen=True)
class Told:
    """What a reply came to."""

    events: list[Event]
    fault: GatewayError | None = None

    def says_the_same_as(self, other: Told) -> bool:
        return self.events == other.events and type(self.fault) is type(other.fault)


@dataclass
class Read:
    """What the SDK made of it."""

    content: list[Json] = field(default_factory=list)
    inputs: dict[int, str] = field(default_factory=dict)
    """By the index of a tool use: its input as text, as far as it came."""
    closed: set[int] = field(default_factory=set)
    stop_reason: str | None = None
    usage: Json = field(default_factory=dict)
    error: anthropic.APIStatusError | None = None

    @property
    def error_type(self) -> str | None:
        return self.error.type if self.error else None


def frames_of(name: str) -> list[bytes]:
    answer = parse_reply({"script": name, "chunks": {"frames": 1}}).answer
    assert isinstance(answer, Stream)
    asked = Asked("kiro", MODELS[MODEL], MODEL, "a-conversation", input_tokens=1000)
    actions = encode(answer, asked, pace=0).actions
    return [action.data for action in actions if isinstance(action, Chunk)]


def borders_of(frames: Sequence[bytes]) -> list[int]:
    """Where a frame is over, and nothing is left of it; a script may cut its last."""
    whole = (int.from_bytes(frame[:4]) == len(frame) for frame in frames)
    ends = accumulate(map(len, frames), initial=0)
    return list(compress(ends, chain([True], whole)))


def cuts(frames: Sequence[bytes]) -> list[int]:
    """Where to cut a body of these frames; at its end too, which cuts nothing."""
    size = sum(map(len, frames))
    if size <= SHORT:
        return [*range(size + 1)]
    chance = random.Random(size)
    borders = borders_of(frames)
    inner = borders[5:-5]
    some = chance.sample(inner, min(SOME, len(inner)))
    borders = [*borders[:5], *some, *borders[-5:]]
    near = {border + step for border in borders for step in (-1, 0, 1)}
    return sorted({*near, *chance.sample(range(size), SOME)} - {-1, size + 1})


def tell(chunks: Iterable[bytes], names: ToolNames = PLAIN) -> Told:
    """A body of these chunks that ends cleanly."""
    frames = EventStreamDecoder()
    reply = ReplyDecoder(
        names, input_tokens=1000, window=200_000, count_tokens=len, thinking_tags=True
    )
    events: list[Event] = []
    try:
        for chunk in chunks:
            events += reply.feed(frames.feed(chunk))
        frames.close()
        if reply.empty:
            raise EmptyReply
        return Told(events + reply.close())
    except GatewayError as fault:
        return Told(events, fault)
    except EventStreamError:
        return Told(events, StreamBroken("damaged"))


def encoded(told: Told) -> bytes:
    stream = MessageStream(MODEL, 1000, "req_test")
    body = stream.start() + stream.feed(told.events)
    return body + stream.error(told.fault) if told.fault else body


def read(told: Told) -> Read:
    """By the SDK's own client, from memory."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        kind = {"content-type": "text/event-stream; charset=utf-8"}
        return httpx2.Response(200, headers=kind, content=encoded(told))

    found = Read()
    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    with (
        anthropic.Anthropic(
            base_url="http://gateway.test",
            api_key="a-key",
            max_retries=0,
            http_client=transport,
        ) as sdk,
        sdk.messages.stream(
            model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "Hi"}]
        ) as stream,
    ):
        try:
            for event in stream:
                match event.type:
                    case "content_block_delta":
                        if event.delta.type == "input_json_delta":
                            so_far = found.inputs.get(event.index, "")
                            found.inputs[event.index] = (
                                so_far + event.delta.partial_json
                            )
                    case "content_block_stop":
                        found.closed.add(event.index)
        except anthropic.APIStatusError as error:
            found.error = error
        message = stream.current_message_snapshot
    found.content = [block.to_dict() for block in message.content]
    found.stop_reason = message.stop_reason
    found.usage = message.usage.to_dict()
    return found


def assert_beginning(cut: Read, whole: Read) -> None:
    """All that the cut reply says, the whole one says too."""
    content = without_half_tag(cut.content)
    assert len(content) <= len(whole.content)
    for index, (block, meant) in enumerate(zip(content, whole.content, strict=False)):
        is_last = index == len(content) - 1
        match block["type"]:
            case "tool_use" if index not in cut.closed:
                assert is_last, "something follows a tool use that is cut"
                assert (block["id"], block["name"]) == (meant["id"], meant["name"])
                so_far = cut.inputs.get(index, "")
                assert whole.inputs.get(index, "").startswith(so_far)
            case "text" | "thinking" as kind if is_last:
                assert block["type"] == meant["type"]
                assert meant[kind].startswith(block[kind])
                assert block.get("signature", "") in ("", meant.get("signature"))
            case _:
                assert block == meant
                assert index in cut.closed


def without_half_tag(content: list[Json]) -> list[Json]:
    """Where the body ends inside of a thinking tag, what there is of it is text."""
    if not content or content[-1]["type"] not in ("text", "thinking"):
        return content
    kind = content[-1]["type"]
    text = content[-1][kind]
    for tag in TAGS:
        for length in range(len(tag) - 1, 0, -1):
            if text.endswith(tag[:length]):
                shown = text[:-length]
                return [
                    *content[:-1],
                    *([content[-1] | {kind: shown}] if shown else []),
                ]
    return content


def assert_true_end(told: Told, cut: Read, whole: Read) -> None:
    """How it ended: as a fault, as cut off, or with everything said."""
    if told.fault is not None:
        assert cut.error_type == ERROR_TYPES[told.fault.kind]
        assert cut.stop_reason is None
        return
    assert cut.error is None
    if cut.stop_reason == "max_tokens":
        return
    assert cut.content == whole.content
    assert cut.closed == set(range(len(cut.content)))


def assert_tools_are_whole(cut: Read) -> None:
    """A client runs a tool when its block closes."""
    for index in cut.closed:
        block = cut.content[index]
        if block["type"] == "tool_use":
            written = cut.inputs.get(index, "")
            assert msgspec.json.decode(written or "{}") == block["input"]


def assert_said_unstreamed(told: Told, cut: Read) -> None:
    answer = encode_reply(fold(told.events), MODEL)
    whole_blocks = [cut.content[index] for index in sorted(cut.closed)]
    assert answer["content"] == whole_blocks
    assert answer["stop_reason"] == cut.stop_reason
    assert answer["usage"].items() <= cut.usage.items()


@pytest.mark.parametrize(("name", "names"), CASES)
def test_a_cut_reply_is_the_beginning_of_the_whole_one(name: str, names: ToolNames):
    frames = frames_of(name)
    borders = borders_of(frames)
    body = b"".join(frames)
    whole = read(tell([body], names))
    before = None
    for end in cuts(frames):
        told = tell([body[:end]], names)
        assert end in borders or told.fault, "half a frame is no clean end"
        if before is not None and told.says_the_same_as(before):
            continue  # as most cuts do within a frame
        before = told
        check_grammar(told.events, finished=told.fault is None)
        cut = read(told)
        assert_beginning(cut, whole)
        assert_true_end(told, cut, whole)
        assert_tools_are_whole(cut)
        if told.fault is None:
            assert_said_unstreamed(told, cut)


@pytest.mark.parametrize(("name", "names"), CASES)
def test_how_the_bytes_arrive_does_not_matter(name: str, names: ToolNames):
    frames = frames_of(name)
    body = b"".join(frames)
    whole = tell([body], names)
    byte_by_byte = tell([body[at : at + 1] for at in range(len(body))], names)
    for told in (tell(frames, names), byte_by_byte):
        assert merged(told.events) == merged(whole.events)
        assert type(told.fault) is type(whole.fault)


def tools_of(name: str) -> list[UseTool]:
    answer = parse_reply(name).answer
    assert isinstance(answer, Stream)
    return [step for step in answer.steps if isinstance(step, UseTool)]


@pytest.mark.parametrize("names", [PLAIN, RENAMED], ids=["plain", "renamed"])
@pytest.mark.parametrize(
    "name", [name for name in ANSWERS if all(step.stops for step in tools_of(name))]
)
def test_a_tool_gets_the_input_that_upstream_gave(name: str, names: ToolNames):
    given = [
        step.input or msgspec.json.decode("".join(step.fragments) or "{}")
        for step in tools_of(name)
    ]
    found = read(tell(frames_of(name), names))
    used = [block for block in found.content if block["type"] == "tool_use"]
    assert [block["name"] for block in used] == [
        step.names[0] for step in tools_of(name)
    ]
    assert [block["input"] for block in used] == [
        names.restore_input(block["name"], whole)
        for block, whole in zip(used, given, strict=True)
    ]


def test_some_scripts_go_wrong_and_most_do_not():
    """Or else the tests above would be about nothing."""
    ends = [read(tell(frames_of(name))) for name in STREAMS]
    assert {end.error_type for end in ends} >= {None, "api_error", "overloaded_error"}
    assert {end.stop_reason for end in ends} >= {"end_turn", "tool_use", "max_tokens"}
    assert sum(end.error is None for end in ends) > len(ends) / 2
