"""Tagged thinking, cut out of its text wherever the text was cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.codewhisperer.thinking import Piece, ThinkingSplitter

CASES = {
    "": ("", ""),
    "Hello.": ("", "Hello."),
    "<thinking>hm</thinking>\n\nHello.": ("hm", "Hello."),
    " \n<thinking>hm</thinking>\n\nHello.": ("hm", "Hello."),
    "<thinking>hm</thinking>\n\n\n Hello.": ("hm", "\n Hello."),
    "<thinking>\nhm\n</thinking>\n\nHello.": ("\nhm\n", "Hello."),
    "<thinking></thinking>\n\nHello.": ("", "Hello."),
    "<thinking>hm</thinking>": ("hm", ""),
    "<thinking>hm</thinking>\n": ("hm", ""),
    "<thinking>hm</thinking> \n ": ("hm</thinking> \n ", ""),
    "<thinking>hm": ("hm", ""),
    "<thinking>hm</think": ("hm</think", ""),
    "<thinking>": ("", ""),
    "<thinking": ("", "<thinking"),
    "<thinkin>": ("", "<thinkin>"),
    "  \n": ("", "  \n"),
    "Hello <thinking>hm</thinking>\n\n": ("", "Hello <thinking>hm</thinking>\n\n"),
    "`<thinking>`": ("", "`<thinking>`"),
    "<thinking>say `</thinking>` now</thinking>\n\nHello.": (
        "say `</thinking>` now",
        "Hello.",
    ),
    "<thinking>'</thinking>\n\n is no end</thinking>\n\nHello.": (
        "'</thinking>\n\n is no end",
        "Hello.",
    ),
    "<thinking>`</thinking>\n": ("`</thinking>\n", ""),
    "<thinking>a</thinking> b</thinking>\nc</thinking>\n\nHello.": (
        "a</thinking> b</thinking>\nc",
        "Hello.",
    ),
    "<thinking>a</thinking>\n\nb<thinking>c</thinking>\n\nd": (
        "a",
        "b<thinking>c</thinking>\n\nd",
    ),
}


def split(text: str, size: int) -> tuple[str, str]:
    splitter = ThinkingSplitter()
    pieces: list[Piece] = []
    for start in range(0, len(text), size):
        pieces += splitter.feed(text[start : start + size])
    pieces += splitter.close()
    assert all(piece.text for piece in pieces)
    kinds = [piece.kind for piece in pieces]
    assert kinds == sorted(kinds, reverse=True), "thinking comes before text"
    thinking = "".join(piece.text for piece in pieces if piece.kind == "thinking")
    return thinking, "".join(piece.text for piece in pieces if piece.kind == "text")


@pytest.mark.parametrize("text", CASES)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 1000])
def test_thinking_is_told_from_text(text, size):
    assert split(text, size) == CASES[text]


def test_pieces_are_handed_on_as_soon_as_they_are_no_tag():
    splitter = ThinkingSplitter()
    assert splitter.feed("<thinking>one ") == [Piece("thinking", "one ")]
    assert splitter.feed("two <") == [Piece("thinking", "two ")]
    assert splitter.feed("b> three") == [Piece("thinking", "<b> three")]
    assert splitter.feed("</thinking>") == []
    assert splitter.feed("\n\nfour") == [Piece("text", "four")]
    assert splitter.feed(" <thinking>") == [Piece("text", " <thinking>")]


fragments = st.sampled_from(
    ["<thinking>", "</thinking>", "\n", "\n\n", " ", "a", "<", "`", "</", "thinking>"]
)


@given(st.lists(fragments, max_size=12).map("".join), st.integers(1, 12))
def test_where_the_text_is_cut_does_not_matter(text, size):
    assert split(text, size) == split(text, len(text) or 1)


@given(st.text(max_size=50))
def test_text_without_tags_passes_unchanged(text):
    assert split(text, 7) == ("", text)
