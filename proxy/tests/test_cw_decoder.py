"""Frames to events: each list complete, in one batch and frame by frame."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.codewhisperer.decoder import DROPPED, ReplyDecoder
from proxy.codewhisperer.eventstream import Frame, Head
from proxy.codewhisperer.names import ToolNames, name_tools
from proxy.errors import (
    AccountUnusable,
    GatewayError,
    ModelOverloaded,
    StreamBroken,
    UpstreamFailed,
)
from proxy.messages import (
    Event,
    Finish,
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
from proxy.tests.frames import event_frame, exception_frame
from proxy.tests.grammar import check_grammar, merged

ESTIMATE = 1000
NAMES = name_tools(["weather", "Clock"])


def decoder(
    names: ToolNames = NAMES, *, thinking_tags: bool = False, window: int = 200_000
) -> ReplyDecoder:
    return ReplyDecoder(
        names,
        input_tokens=ESTIMATE,
        window=window,
        count_tokens=len,
        thinking_tags=thinking_tags,
    )


def text(content: str) -> Frame:
    return event_frame("assistantResponseEvent", {"content": content})


def thought(content: str = "", **rest: str) -> Frame:
    return event_frame("reasoningContentEvent", {"text": content, **rest})


def tool(
    tool_use_id: str,
    piece: Any = None,
    *,
    name: str = "weather",
    stop: bool | None = None,
) -> Frame:
    payload = {"input": piece, "name": name, "stop": stop, "toolUseId": tool_use_id}
    return event_frame(
        "toolUseEvent",
        {member: value for member, value in payload.items() if value is not None},
    )


def metadata(**members: Any) -> Frame:
    return event_frame("metadataEvent", members)


def context(percentage: float | None) -> Frame:
    return event_frame("contextUsageEvent", {"contextUsagePercentage": percentage})


def metering(usage: float | None) -> Frame:
    return event_frame(
        "meteringEvent", {"unit": "credit", "unitPlural": "credits", "usage": usage}
    )


TAIL = [metering(0.5)]


def replied(frames: list[Frame], reply: ReplyDecoder | None = None) -> list[Event]:
    """All events, the same whether the frames come at once or one by one."""
    if reply is None:
        one_by_one = decoder()
        single = [event for frame in frames for event in one_by_one.feed([frame])]
        single += one_by_one.close()
        reply = decoder()
        assert reply.feed(frames) + reply.close() == single
        return merged(check_grammar(single))
    return merged(check_grammar(reply.feed(frames) + reply.close()))


def finish(reason: Any, output: int, credits: float = 0.5) -> Finish:
    return Finish(reason, Usage(ESTIMATE, output, credits=credits))


def whole(index: int, part: Any, content: str = "", signature: str = "") -> list[Event]:
    deltas: list[Event] = [PartDelta(index, content)] if content else []
    return [PartStart(index, part), *deltas, PartEnd(index, signature)]


WEATHER = ToolUse("t1", "weather", {})

REPLIES = {
    "text": (
        [text("Hel"), text("lo"), *TAIL],
        [*whole(0, Text(""), "Hello"), finish("end", 5)],
    ),
    "text with nothing in between": (
        [text("a"), text(""), event_frame("codeEvent", {"content": "b"}), *TAIL],
        [*whole(0, Text(""), "ab"), finish("end", 2)],
    ),
    "equal pieces are all kept": (
        [text("\n"), text("\n"), *TAIL],
        [*whole(0, Text(""), "\n\n"), finish("end", 2)],
    ),
    "a tool use in pieces": (
        [
            tool("t1"),
            tool("t1", '{"pla'),
            tool("t1", 'ce":"O\\'),
            tool("t1", 'u00f8"}'),
            tool("t1", stop=True),
            *TAIL,
        ],
        [*whole(0, WEATHER, '{"place":"O\\u00f8"}'), finish("tool_use", 19)],
    ),
    "the last piece comes with the stop": (
        [tool("t1"), tool("t1", "{}", stop=True), *TAIL],
        [*whole(0, WEATHER, "{}"), finish("tool_use", 2)],
    ),
    "a tool use without input": (
        [tool("t1"), tool("t1", stop=True), *TAIL],
        [*whole(0, WEATHER), finish("tool_use", 0)],
    ),
    "blank input is none": (
        [tool("t1", " "), tool("t1", "", stop=True), *TAIL],
        [*whole(0, WEATHER), finish("tool_use", 0)],
    ),
    "input as an object, said twice": (
        [tool("t1", {"a": 1}), tool("t1", {"a": 1}, stop=True), *TAIL],
        [*whole(0, WEATHER, '{"a":1}'), finish("tool_use", 7)],
    ),
    "a repeat after the stop": (
        [tool("t1", "{}", stop=True), tool("t1", stop=True), tool("t1", "{}"), *TAIL],
        [*whole(0, WEATHER, "{}"), finish("tool_use", 2)],
    ),
    "two tool uses, and text after them": (
        [
            text("a"),
            tool("t1", "{}", stop=True),
            tool("t2", "{}", stop=True),
            text("b"),
            *TAIL,
        ],
        [
            *whole(0, Text(""), "a"),
            *whole(1, WEATHER, "{}"),
            *whole(2, ToolUse("t2", "weather", {}), "{}"),
            *whole(3, Text(""), "b"),
            finish("tool_use", 6),
        ],
    ),
    "interleaved tool uses come one after the other": (
        [
            tool("t1", '{"a"'),
            tool("t2", '{"b"'),
            text("x"),
            tool("t3", "{}"),
            tool("t2", ":2}", stop=True),
            tool("t1", ":1}", stop=True),
            tool("t3", stop=True),
            *TAIL,
        ],
        [
            *whole(0, WEATHER, '{"a":1}'),
            *whole(1, ToolUse("t2", "weather", {}), '{"b":2}'),
            *whole(2, Text(""), "x"),
            *whole(3, ToolUse("t3", "weather", {}), "{}"),
            finish("tool_use", 17),
        ],
    ),
    "names come back whatever their case": (
        [tool("t1", "{}", name="clock", stop=True), *TAIL],
        [*whole(0, ToolUse("t1", "Clock", {}), "{}"), finish("tool_use", 2)],
    ),
    "a tool nobody offered keeps its name": (
        [tool("t1", "{}", name="made_up", stop=True), *TAIL],
        [*whole(0, ToolUse("t1", "made_up", {}), "{}"), finish("tool_use", 2)],
    ),
    "an id that clients refuse is mapped": (
        [tool("a b", "{}", stop=True), *TAIL],
        [
            *whole(0, ToolUse("a_b_c8687a08", "weather", {}), "{}"),
            finish("tool_use", 2),
        ],
    ),
    "native thinking with its signature": (
        [thought("I "), thought("think"), thought(signature="s1"), text("So."), *TAIL],
        [
            *whole(0, Thinking(""), "I think", "s1"),
            *whole(1, Text(""), "So."),
            finish("end", 10),
        ],
    ),
    "thinking and signature in one event": (
        [thought("hm", signature="s"), thought("more"), text("So."), *TAIL],
        [
            *whole(0, Thinking(""), "hm", "s"),
            *whole(1, Thinking(""), "more"),
            *whole(2, Text(""), "So."),
            finish("end", 9),
        ],
    ),
    "thinking that is not shown": (
        [thought(signature="s"), text("So."), *TAIL],
        [
            *whole(0, Thinking(""), "", "s"),
            *whole(1, Text(""), "So."),
            finish("end", 3),
        ],
    ),
    "redacted thinking": (
        [thought("hm"), thought(redactedContent="AAAA"), text("So."), *TAIL],
        [
            *whole(0, Thinking(""), "hm"),
            *whole(1, RedactedThinking("AAAA")),
            *whole(2, Text(""), "So."),
            finish("end", 5),
        ],
    ),
    "redacted thinking after a tool use": (
        [tool("t1", "{}", stop=True), thought(redactedContent="AAAA"), *TAIL],
        [
            *whole(0, WEATHER, "{}"),
            *whole(1, RedactedThinking("AAAA")),
            finish("tool_use", 2),
        ],
    ),
    "nothing but thinking": (
        [thought("hm"), *TAIL],
        [*whole(0, Thinking(""), "hm"), finish("token_limit", 2)],
    ),
    "thinking after the text": (
        [text("So."), thought("hm"), *TAIL],
        [
            *whole(0, Text(""), "So."),
            *whole(1, Thinking(""), "hm"),
            finish("end", 5),
        ],
    ),
    "the input breaks off at the stop": (
        [tool("t1", '{"a'), tool("t1", stop=True), text("late"), tool("t2"), *TAIL],
        [PartStart(0, WEATHER), PartDelta(0, '{"a'), finish("token_limit", 3)],
    ),
    "the input is no object": (
        [tool("t1", "[1]"), tool("t1", stop=True), *TAIL],
        [PartStart(0, WEATHER), PartDelta(0, "[1]"), finish("token_limit", 3)],
    ),
    "the input changes its mind": (
        [tool("t1", {"a": 1}), tool("t1", {"a": 2}, stop=True), *TAIL],
        [
            PartStart(0, WEATHER),
            PartDelta(0, '{"a":1}{"a":2}'),
            finish("token_limit", 14),
        ],
    ),
    "the tool use never stops": (
        [text("a"), tool("t1", "{}"), thought("late"), *TAIL],
        [
            *whole(0, Text(""), "a"),
            PartStart(1, WEATHER),
            PartDelta(1, "{}"),
            finish("token_limit", 3),
        ],
    ),
    "what waits behind a cut tool use is dropped": (
        [tool("t1", "{"), tool("t2", "{}", stop=True), tool("t1", stop=True), *TAIL],
        [PartStart(0, WEATHER), PartDelta(0, "{"), finish("token_limit", 1)],
    ),
    "no closing events": (
        [text("Hel")],
        [*whole(0, Text(""), "Hel"), finish("token_limit", 3, 0.0)],
    ),
    "no closing events after a whole tool use": (
        [tool("t1", "{}", stop=True)],
        [*whole(0, WEATHER, "{}"), finish("token_limit", 2, 0.0)],
    ),
    "a full window as an exception": (
        [text("a"), exception_frame("ContentLengthExceededException", {}), *TAIL],
        [*whole(0, Text(""), "a"), finish("token_limit", 1)],
    ),
    "a full window as an error object": (
        [
            text("a"),
            event_frame(
                "toolUseEvent", {"__type": "aws#ContentLengthExceededException"}
            ),
            *TAIL,
        ],
        [*whole(0, Text(""), "a"), finish("token_limit", 1)],
    ),
    "stop reason: the token limit, over a whole tool use": (
        [tool("t1", "{}", stop=True), metadata(stopReason="MAX_TOKENS")],
        [*whole(0, WEATHER, "{}"), finish("token_limit", 2, 0.0)],
    ),
    "stop reason: the end is not believed": (
        [tool("t1", "{}", stop=True), metadata(stopReason="END_TURN")],
        [*whole(0, WEATHER, "{}"), finish("tool_use", 2, 0.0)],
    ),
    "stop reason: a tool use is not believed": (
        [text("a"), metadata(stopReason="TOOL_USE")],
        [*whole(0, Text(""), "a"), finish("end", 1, 0.0)],
    ),
    "stop reason: the window": (
        [text("a"), metadata(stopReason="MODEL_CONTEXT_WINDOW_EXCEEDED")],
        [*whole(0, Text(""), "a"), finish("context_window", 1, 0.0)],
    ),
    "stop reason: the filter": (
        [thought("a"), metadata(stopReason="CONTENT_FILTERED")],
        [*whole(0, Thinking(""), "a"), finish("refusal", 1, 0.0)],
    ),
    "stop reason: one nobody knows": (
        [text("a"), metadata(stopReason="LUNCH", tokenUsage=None)],
        [*whole(0, Text(""), "a"), finish("end", 1, 0.0)],
    ),
    "the window is full": (
        [text("a"), context(100.0)],
        [
            *whole(0, Text(""), "a"),
            Finish("context_window", Usage(199_999, 1)),
        ],
    ),
    "nothing at all": ([], [finish("token_limit", 0, 0.0)]),
    "nothing but the tail": (TAIL, [finish("end", 0)]),
}


@pytest.mark.parametrize("reply", REPLIES)
def test_frames_become_events(reply):
    frames, events = REPLIES[reply]
    assert replied(frames) == events


@pytest.mark.parametrize("event_type", sorted(DROPPED))
def test_events_of_no_use_are_dropped(event_type):
    frames = [text("a"), event_frame(event_type, {"content": "x"}), text("b"), *TAIL]
    assert replied(frames) == [*whole(0, Text(""), "ab"), finish("end", 2)]


def test_an_unknown_event_is_skipped_and_logged_once(caplog):
    caplog.set_level(logging.INFO, "proxy.codewhisperer.decoder")
    news = Frame(Head("event", "newsFromTomorrowEvent", {}), b"not even JSON")
    for _ in range(3):
        assert replied([text("a"), news, text("b"), *TAIL])[-1] == finish("end", 2)
    logged = [record.getMessage() for record in caplog.records]
    assert logged == ["skipping upstream events of type 'newsFromTomorrowEvent'"]


USAGES = {
    "by upstream's own counts": (
        [
            text("abc"),
            metadata(
                tokenUsage={
                    "uncachedInputTokens": 10,
                    "outputTokens": 20,
                    "totalTokens": 60,
                    "cacheReadInputTokens": 25,
                    "cacheWriteInputTokens": 5,
                }
            ),
            context(50.0),
            metering(0.25),
            metering(0.5),
        ],
        Usage(10, 20, 25, 5, credits=0.75, stated=True),
    ),
    "nulls are absent": (
        [
            text("abc"),
            metadata(
                tokenUsage={
                    "uncachedInputTokens": 10,
                    "outputTokens": 20,
                    "cacheReadInputTokens": None,
                },
                stopReason=None,
            ),
            metering(None),
        ],
        Usage(10, 20, stated=True),
    ),
    "by the percentage of the window": ([text("abc"), context(1.5)], Usage(2997, 3)),
    "by a percentage among the token counts": (
        [text("abc"), metadata(tokenUsage={"contextUsagePercentage": 1.5})],
        Usage(2997, 3),
    ),
    "by the estimate": ([text("abc"), metering(0.1)], Usage(ESTIMATE, 3, credits=0.1)),
    "by the estimate where the percentage says nothing": (
        [text("abc"), context(None)],
        Usage(ESTIMATE, 3),
    ),
    "by the estimate where the percentage cannot be": (
        [text("abc"), context(0.001)],
        Usage(ESTIMATE, 3),
    ),
}


@pytest.mark.parametrize("source", USAGES)
def test_usage_comes_from_the_best_source(source):
    frames, usage = USAGES[source]
    (*_, last) = replied(frames)
    assert isinstance(last, Finish)
    assert last.usage == usage


def test_what_was_metered_is_known_before_the_end():
    reply = decoder()
    reply.feed([text("abc"), metering(0.25)])
    assert reply.credits == 0.25
    assert reply.usage() == Usage(ESTIMATE, 3, credits=0.25)


@pytest.mark.parametrize(
    ("frames", "empty"),
    [
        ([], True),
        (TAIL, True),
        ([text(""), metadata(stopReason="END_TURN"), *TAIL], True),
        ([text("a"), *TAIL], False),
        ([text("<thin"), *TAIL], False),
        ([thought(signature="s"), *TAIL], False),
        ([metadata(stopReason="CONTENT_FILTERED"), *TAIL], False),
        ([exception_frame("ContentLengthExceededException", {})], False),
        ([context(100.0)], False),
    ],
)
def test_an_empty_reply_is_one_that_says_nothing_and_not_why(frames, empty):
    reply = decoder(thinking_tags=True)
    events = reply.feed(frames)
    assert reply.empty is empty
    check_grammar(events + reply.close())
    assert reply.empty is empty


FAULTS = {
    "throttled": (
        exception_frame("throttlingError", {"message": "Too many requests"}),
        AccountUnusable,
    ),
    "no capacity": (
        exception_frame(
            "serviceUnavailableError", {"reason": "MODEL_TEMPORARILY_UNAVAILABLE"}
        ),
        ModelOverloaded,
    ),
    "an error frame": (
        Frame(Head("error", "InternalFailure", {}), b""),
        UpstreamFailed,
    ),
    "an error object as text": (
        event_frame(
            "assistantResponseEvent",
            {"_type": "ThrottlingException", "message": "slow down"},
        ),
        AccountUnusable,
    ),
    "an error object as a dropped event": (
        event_frame("messageMetadataEvent", {"__type": "a.b#InternalServerException"}),
        UpstreamFailed,
    ),
    "an invalid state": (
        event_frame("invalidStateEvent", {"reason": "x", "message": "y"}),
        UpstreamFailed,
    ),
    "no JSON": (Frame(Head("event", "assistantResponseEvent", {}), b"{"), StreamBroken),
    "another shape": (
        event_frame("assistantResponseEvent", {"content": 1}),
        StreamBroken,
    ),
    "a tool use of nobody": (
        event_frame("toolUseEvent", {"input": "{}"}),
        StreamBroken,
    ),
    "nested beyond all measure": (
        Frame(
            Head("event", "toolUseEvent", {}),
            b'{"toolUseId":"t","name":"n","input":{"a":' + b"[" * 100_000,
        ),
        StreamBroken,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_raised_at_once_when_nothing_came_before(fault):
    frame, error = FAULTS[fault]
    reply = decoder()
    with pytest.raises(error):
        reply.feed([frame, text("a")])
    with pytest.raises(error):
        reply.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_content_before_a_fault_is_handed_out_first(fault):
    frame, error = FAULTS[fault]
    reply = decoder()
    events = check_grammar(reply.feed([text("a"), frame]), finished=False)
    assert events == [PartStart(0, Text("")), PartDelta(0, "a")]
    with pytest.raises(error):
        reply.feed([text("b")])
    with pytest.raises(error):
        reply.close()


def test_input_nested_too_deep_is_a_cut_one():
    deep = '{"a":' + "[" * 100_000
    events = replied([tool("t1", deep), tool("t1", stop=True), *TAIL])
    assert events[-1] == finish("token_limit", len(deep))


LONG = "a_property_with_a_very_long_name_" * 3
RENAMED = name_tools(["weather"], {"weather": {"short": LONG}})


def test_shortened_property_names_are_restored_in_the_whole_input():
    reply = decoder(RENAMED)
    frames = [tool("t1", '{"short":[{"sh'), tool("t1", 'ort":1}]}', stop=True), *TAIL]
    assert replied(frames, reply)[1] == PartDelta(
        0, msgspec.json.encode({LONG: [{LONG: 1}]}).decode()
    )


TAGGED = {
    "thinking, then text": (
        [text("<thin"), text("king>hm</thinking>\n"), text("\nSo."), *TAIL],
        [
            *whole(0, Thinking(""), "hm"),
            *whole(1, Text(""), "So."),
            finish("end", 5),
        ],
    ),
    "thinking, then a tool use": (
        [text("<thinking>hm</thinking>"), tool("t1", "{}", stop=True), *TAIL],
        [
            *whole(0, Thinking(""), "hm"),
            *whole(1, WEATHER, "{}"),
            finish("tool_use", 4),
        ],
    ),
    "text that only begins like a tag": (
        [text("<thin"), *TAIL],
        [*whole(0, Text(""), "<thin"), finish("end", 5)],
    ),
    "thinking without an end": (
        [text("<thinking>hm"), *TAIL],
        [*whole(0, Thinking(""), "hm"), finish("token_limit", 2)],
    ),
    "native thinking all the same": (
        [thought("hm", signature="s"), text("<thinking>x"), *TAIL],
        [
            *whole(0, Thinking(""), "hm", "s"),
            *whole(1, Text(""), "<thinking>x"),
            finish("end", 13),
        ],
    ),
}


@pytest.mark.parametrize("reply", TAGGED)
def test_tagged_thinking_becomes_a_part(reply):
    frames, events = TAGGED[reply]
    assert replied(frames, decoder(thinking_tags=True)) == events


def test_tags_are_text_where_nobody_asked_for_them():
    events = replied([text("<thinking>hm</thinking>\n\nSo."), *TAIL])
    assert events[0] == PartStart(0, Text(""))


ids = st.sampled_from(["t1", "t2", "t3"])
pieces = st.sampled_from([None, "{", '{"a":1', "}", "{}", ""])
any_frame = st.one_of(
    st.builds(text, st.sampled_from(["", "a", "<thinking>", "</thinking>\n\n"])),
    st.builds(thought, st.sampled_from(["", "hm"])),
    st.builds(thought, st.just("x"), signature=st.just("s")),
    st.builds(thought, redactedContent=st.just("AAAA")),
    st.builds(tool, ids, pieces, stop=st.sampled_from([None, False, True])),
    st.builds(metering, st.just(0.5)),
    st.builds(context, st.sampled_from([None, 1.0, 100.0])),
    st.just(metadata(stopReason="END_TURN")),
    st.just(exception_frame("ContentLengthExceededException", {})),
    st.just(exception_frame("throttlingError", {})),
)


@given(st.lists(any_frame, max_size=20), st.integers(1, 20), st.booleans())
def test_whatever_comes_the_promises_are_kept(frames, size, thinking_tags):
    reply = decoder(thinking_tags=thinking_tags)
    events: list[Event] = []
    finished = False
    try:
        for start in range(0, len(frames), size):
            events += reply.feed(frames[start : start + size])
        events += reply.close()
        finished = True
    except GatewayError:
        pass
    check_grammar(events, finished=finished)
    fold(events)


@given(st.lists(any_frame, max_size=20))
def test_where_the_batches_are_cut_does_not_matter(frames):
    def run(size: int) -> tuple[list[Event], type[BaseException] | None]:
        reply, events = decoder(thinking_tags=True), list[Event]()
        try:
            for start in range(0, len(frames), size):
                events += reply.feed(frames[start : start + size])
            events += reply.close()
        except GatewayError as fault:
            return merged(events), type(fault)
        return merged(events), None

    assert run(1) == run(3) == run(100)
