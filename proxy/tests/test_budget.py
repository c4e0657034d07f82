"""The budget of output tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import tokens
from proxy.budget import UNCOUNTED_MOST, Budget

PROSE = "The quick brown fox jumps over the lazy dog and then it sleeps. " * 20


def taken(budget, pieces):
    return "".join(budget.take(piece) for piece in pieces)


@pytest.mark.parametrize("model_id", ["claude-sonnet-4.6", "claude-opus-5"])
@pytest.mark.parametrize("most", [2, 10, 50])
def test_a_text_is_cut_where_its_tokens_are_spent(most, model_id):
    text = taken(Budget(most, model_id), [PROSE])
    assert text
    assert PROSE.startswith(text)
    assert tokens.count_text(text, model_id) <= most
    longer = PROSE[: len(text) + 20]
    assert tokens.count_text(longer, model_id) > most


def test_a_text_costs_the_same_in_whatever_pieces_it_comes():
    whole = taken(Budget(50, ""), [PROSE])
    assert taken(Budget(50, ""), PROSE) == whole
    assert taken(Budget(50, ""), [PROSE[:7], PROSE[7:90], PROSE[90:]]) == whole


@pytest.mark.parametrize("piece", [1, 7, 900, 10_000])
def test_a_long_text_is_cut_at_the_same_place_however_late_it_is_counted(piece):
    text = PROSE * 40
    most = tokens.count_text(text[:40_000], "")
    pieces = [text[at : at + piece] for at in range(0, len(text), piece)]
    cut = taken(Budget(most, ""), pieces)
    assert cut == taken(Budget(most, ""), [text])
    assert UNCOUNTED_MOST < len(cut) < len(text)


def test_a_text_is_taken_uncounted_while_its_bytes_are_no_more_than_the_tokens():
    budget = Budget(121, "")  # a hundred of the vocabulary
    assert budget.take_whole("x" * 60)
    assert not budget.take_whole("é" * 21)
    assert budget.take_whole("é" * 20)
    assert not budget.take_whole("x")
    assert not budget.is_spent
    assert budget.take("x") == "x"


def test_what_was_not_taken_whole_has_cost_nothing():
    budget = Budget(20, "")
    assert not budget.take_whole(PROSE)
    assert budget.take(PROSE) == taken(Budget(20, ""), [PROSE])


def test_nothing_is_left_once_it_is_spent():
    budget = Budget(5, "")
    assert taken(budget, [PROSE])
    assert budget.is_spent
    assert budget.take("more") == ""


def test_without_a_limit_everything_is_taken():
    budget = Budget(None, "")
    budget.spend(PROSE)
    assert budget.take(PROSE) == PROSE
    assert not budget.is_spent


def test_a_limit_of_zero_is_spent_from_the_start():
    assert Budget(0, "").is_spent


def test_a_limit_of_one_leaves_room_for_something():
    budget = Budget(1, "claude-opus-5")
    assert not budget.is_spent
    assert budget.take("Hello, world") == "Hello"


def test_what_is_not_to_be_cut_counts_all_the_same():
    budget = Budget(20, "")
    budget.spend(PROSE)
    assert budget.is_spent
    assert budget.take("more") == ""


@given(
    text=st.text(max_size=400),
    most=st.integers(1, 200),
    cuts=st.lists(st.integers(0, 400), max_size=5),
)
def test_what_is_taken_is_a_beginning_within_the_limit(text, most, cuts):
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    shown = taken(Budget(most, ""), pieces)
    assert text.startswith(shown)
    # A word that goes on may be cut into other tokens than it was as a beginning.
    assert tokens.count_text(shown) <= most + 2
