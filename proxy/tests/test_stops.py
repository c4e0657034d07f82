"""Stop sequences in text that comes in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.stops import StopSequences


def run(sequences, pieces):
    """All that is shown, and the sequence it ended before."""
    stops = StopSequences(sequences)
    shown = ""
    for piece in pieces:
        text, found = stops.feed(piece)
        shown += text
        if found is not None:
            return shown, found
    return shown + stops.flush(), None


@pytest.mark.parametrize(
    ("sequences", "text", "shown", "found"),
    [
        ((), "anything", "anything", None),
        (("STOP",), "go on", "go on", None),
        (("STOP",), "go STOP on", "go ", "STOP"),
        (("STOP",), "STOP", "", "STOP"),
        (("STOP",), "STO", "STO", None),
        (("STOP",), "STSTOP", "ST", "STOP"),
        (("aab",), "aaab", "a", "aab"),
        (("\n\n",), "one\ntwo\n\nthree", "one\ntwo", "\n\n"),
        (("two", "one"), "one two", "", "one"),
        (("a", "a.b*"), "xa.b*", "x", "a"),
        (("abcd", "bc"), "abcd", "a", "bc"),
        (("bc", "abc"), "xabc", "x", "abc"),
        (("世界",), "你好世界!", "你好", "世界"),
    ],
)
def test_a_text_ends_before_the_first_stop_sequence(sequences, text, shown, found):
    assert run(sequences, [text]) == (shown, found)
    assert run(sequences, text) == (shown, found), "character by character"


def test_only_what_may_become_a_stop_sequence_is_held_back():
    stops = StopSequences(["Human:"])
    assert stops.feed("I say: Hum") == ("I say: ", None)
    assert stops.feed("bug") == ("Humbug", None)
    assert stops.flush() == ""


letters = st.text("ab", max_size=12)


@given(
    sequences=st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3),
    pieces=st.lists(letters, max_size=6),
)
def test_it_does_not_matter_where_a_text_is_cut(sequences, pieces):
    assert run(sequences, pieces) == run(sequences, ["".join(pieces)])
