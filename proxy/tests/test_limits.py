"""What the gateway itself holds of a reply, whole event lists at a time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import tokens
from proxy.limits import Limits
from proxy.messages import (
    Event,
    Finish,
    Message,
    PartDelta,
    PartEnd,
    PartStart,
    Prompt,
    Text,
    Thinking,
    ToolChoice,
    ToolUse,
    Usage,
    fold,
)
from proxy.tests.events import USAGE, reply, text, thought, tool
from proxy.tests.grammar import check_grammar

ASKED = (Message("user", (Text("Hi"),)),)
WORDS = "one two three four five six seven eight nine ten "


def limited(events: Sequence[Event], upstream_counts=False, **wishes) -> list[Event]:
    """What is left of a reply; the same for one batch as for one event each."""
    prompt = Prompt("claude", ASKED, **wishes)

    def new() -> Limits:
        return Limits(prompt, "claude-sonnet-4", 7, upstream_counts=upstream_counts)

    at_once = new().feed(events)
    one_by_one = new()
    singly: list[Event] = []
    for event in events:
        if not one_by_one.finished:
            singly += one_by_one.feed([event])
    assert singly == at_once
    return check_grammar(at_once)


def test_without_limits_nothing_changes():
    events = reply(thought("Hm", "m"), text("Hello", ", world"), tool("Read", "{}"))
    assert limited(events) == events


def test_what_passes_is_numbered_anew_behind_a_tool_use_that_did_not():
    events = reply(text("So"), tool("Read", "{}"), text("th", "", "ere"))
    kept = limited(events, tool_choice=ToolChoice("none"), max_tokens=1000)
    assert kept == reply(text("So"), text("th", "ere"))


# Stop sequences


def test_a_reply_ends_before_a_stop_sequence():
    events = reply(text("one", " tw", "o three"), text("four"))
    assert limited(events, stop_sequences=("two",)) == [
        PartStart(0, Text("")),
        PartDelta(0, "one"),
        PartDelta(0, " "),
        PartEnd(0),
        Finish("stop_sequence", Usage(7, tokens.count_text("one ")), "two"),
    ]


def test_what_was_held_back_is_shown_when_the_text_ends():
    events = reply(text("all is tw"))
    assert fold(limited(events, stop_sequences=("two",))).parts == [Text("all is tw")]


def test_a_stop_sequence_does_not_reach_from_one_text_into_the_next():
    events = reply(text("tw"), text("o"))
    assert fold(limited(events, stop_sequences=("two",))).parts == [
        Text("tw"),
        Text("o"),
    ]


def test_stop_sequences_are_looked_for_in_text_only():
    events = reply(thought("stop"), tool("Read", '{"a":"stop"}'), reason="tool_use")
    assert limited(events, stop_sequences=("stop",)) == events


# max_tokens


def test_a_text_is_cut_when_the_tokens_are_spent():
    events = reply(text(*[WORDS] * 20))
    cut = limited(events, max_tokens=30)
    finish = cut[-1]
    assert isinstance(finish, Finish)
    assert finish.reason == "token_limit"
    assert 25 <= finish.usage.output_tokens <= 30
    assert finish.usage.input_tokens == 7
    (part,) = fold(cut).parts
    assert isinstance(part, Text)
    assert (WORDS * 20).startswith(part.text)


def test_a_thought_is_cut_when_the_tokens_are_spent():
    cut = limited(reply(thought(*[WORDS] * 20), text("Done")), max_tokens=30)
    assert [type(part) for part in fold(cut).parts] == [Thinking]
    assert fold(cut).whole.reason == "token_limit"


def test_a_tool_use_is_never_cut():
    events = reply(
        text("I write. "), tool("Write", '{"a":"', WORDS * 20, '"}'), text("Done")
    )
    kept = limited(events, max_tokens=10)
    assert kept[:-1] == events[:8]
    assert fold(kept).whole.reason == "token_limit"


def test_a_reply_that_ends_with_its_last_token_is_whole():
    events = reply(text("Hello"))
    assert limited(events, max_tokens=1) == events


def test_nothing_starts_after_the_last_token():
    events = reply(text("Hello"), tool("Read", "{}"), reason="tool_use")
    assert fold(limited(events, max_tokens=1)).parts == [Text("Hello")]


def test_no_tokens_at_all_are_no_parts():
    assert limited(reply(text("Hello")), max_tokens=0) == [
        Finish("token_limit", Usage(7, 0))
    ]


def test_what_a_stop_sequence_held_back_is_paid_for_too():
    events = reply(text(WORDS * 10 + "ten "))
    most = tokens.count_text(WORDS * 10) - 1
    cut = limited(events, max_tokens=most, stop_sequences=("ten !",))
    assert fold(cut).whole.reason == "token_limit"


def test_tokens_that_upstream_counts_are_not_counted_again():
    events = reply(text(*[WORDS] * 20), reason="token_limit")
    assert limited(events, upstream_counts=True, max_tokens=1024) == events


# Tool choice


def test_without_tools_no_tool_use_gets_through():
    events = reply(text("So"), tool("Read", "{}"), text("there"), reason="tool_use")
    kept = limited(events, tool_choice=ToolChoice("none"))
    assert kept == reply(text("So"), text("there"))


def test_a_cut_tool_use_that_nobody_sees_leaves_a_cut_reply():
    events: list[Event] = [
        PartStart(0, ToolUse("a", "Read", {})),
        PartDelta(0, '{"pa'),
        Finish("token_limit", USAGE),
    ]
    kept = limited(events, tool_choice=ToolChoice("none"))
    assert kept == [Finish("token_limit", USAGE)]


def test_one_tool_at_a_time_ends_the_reply_before_a_second():
    events = reply(text("Two:"), tool("Read", "{}"), tool("Write", "{}"))
    kept = limited(events, tool_choice=ToolChoice(parallel=False))
    assert kept[:-1] == events[:6]
    assert kept[-1] == Finish("tool_use", Usage(7, tokens.count_text("Two:{}")))


def test_one_tool_at_a_time_lets_text_follow():
    events = reply(tool("Read", "{}"), text("Reading."), reason="tool_use")
    assert limited(events, tool_choice=ToolChoice(parallel=False)) == events


# All at once, on whatever comes

pieces = st.lists(st.text("abc ", min_size=1, max_size=8), max_size=5)
parts = st.one_of(
    pieces.map(lambda p: text(*p)),
    pieces.map(lambda p: thought(*p)),
    pieces.map(lambda p: tool("Read", '{"a":"', *p, '"}')),
)


@given(
    said=st.lists(parts, max_size=6),
    reason=st.sampled_from(["end", "tool_use", "token_limit"]),
    most=st.none() | st.integers(0, 30),
    stops=st.lists(st.text("abc ", min_size=1, max_size=3), max_size=2),
    mode=st.sampled_from(["auto", "none"]),
    parallel=st.booleans(),
)
def test_every_limited_reply_keeps_the_promises_of_events(
    said, reason, most, stops, mode, parallel
):
    kept = limited(
        reply(*said, reason=reason),
        max_tokens=most,
        stop_sequences=tuple(stops),
        tool_choice=ToolChoice(mode, parallel=parallel),
    )
    tool_uses = [part for part in fold(kept).parts if isinstance(part, ToolUse)]
    assert not (mode == "none" and tool_uses)
    assert parallel or len(tool_uses) <= 1
    for part in fold(kept).parts:
        if isinstance(part, Text):
            assert not any(stop in part.text for stop in stops)


@pytest.mark.parametrize("most", range(40))
def test_more_tokens_never_show_less(most):
    events = reply(text(*WORDS), text(*WORDS))

    def shown(limit: int) -> str:
        kept = limited(events, max_tokens=limit)
        return "".join(event.text for event in kept if isinstance(event, PartDelta))

    assert shown(most + 1).startswith(shown(most))
