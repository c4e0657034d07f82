"""Names of models, as clients write them."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.catalog import MODELS, by_upstream_id, resolve, unknown_model
from proxy.errors import ModelUnknown

# What kiro2api's README promises, and its two undocumented names.
PROMISED = [
    ("claude-sonnet-4-5-20250929", "CLAUDE_SONNET_4_5_20250929_V1_0"),
    ("claude-sonnet-4-20250514", "CLAUDE_SONNET_4_20250514_V1_0"),
    ("claude-3-7-sonnet-20250219", "CLAUDE_3_7_SONNET_20250219_V1_0"),
    ("claude-3-5-haiku-20241022", "auto"),
    ("claude-sonnet-4-5", "CLAUDE_SONNET_4_5_20250929_V1_0"),
    ("claude-haiku-4-5-20251001", "auto"),
]


def test_the_promised_names_come_first_in_the_list():
    listed = [(model.name, model.upstream_id) for model in MODELS]
    assert listed[: len(PROMISED)] == PROMISED


@pytest.mark.parametrize(("name", "upstream_id"), PROMISED)
@pytest.mark.parametrize("family_fallback", [True, False])
def test_a_promised_name_goes_out_as_documented(name, upstream_id, family_fallback):
    model = resolve(name, family_fallback)
    assert (model.name, model.upstream_id) == (name, upstream_id)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_listed_name_means_its_own_model(model):
    assert resolve(model.name, False) is model


def test_names_are_listed_once_and_ids_fit():
    names = [model.name for model in MODELS]
    assert len(set(names)) == len(names)
    for model in MODELS:
        for upstream_id in (model.upstream_id, model.listed_id or "auto"):
            assert re.fullmatch(r"[a-zA-Z0-9_:.-]{1,64}", upstream_id)


def test_efforts_are_there_exactly_for_models_that_think_natively():
    for model in MODELS:
        assert bool(model.efforts) is (model.thinking in ("claude", "gpt")), model.name


SPELLINGS = [
    ("claude-sonnet-4", "CLAUDE_SONNET_4_20250514_V1_0"),
    ("claude-sonnet-4-0", "CLAUDE_SONNET_4_20250514_V1_0"),
    ("claude-4-sonnet", "CLAUDE_SONNET_4_20250514_V1_0"),
    ("claude-sonnet-4@20250514", "CLAUDE_SONNET_4_20250514_V1_0"),
    ("anthropic/claude-sonnet-4", "CLAUDE_SONNET_4_20250514_V1_0"),
    ("openrouter/anthropic/claude-sonnet-4", "CLAUDE_SONNET_4_20250514_V1_0"),
    ("anthropic.claude-sonnet-4-20250514-v1:0", "CLAUDE_SONNET_4_20250514_V1_0"),
    ("us.anthropic.claude-sonnet-4-20250514-v1:0", "CLAUDE_SONNET_4_20250514_V1_0"),
    ("CLAUDE_SONNET_4_20250514_V1_0", "CLAUDE_SONNET_4_20250514_V1_0"),
    (" Claude-Sonnet-4-20250514 ", "CLAUDE_SONNET_4_20250514_V1_0"),
    ("claude-sonnet-4.5", "CLAUDE_SONNET_4_5_20250929_V1_0"),
    ("claude-4.5-sonnet", "CLAUDE_SONNET_4_5_20250929_V1_0"),
    ("claude-4-5-sonnet-latest", "CLAUDE_SONNET_4_5_20250929_V1_0"),
    ("claude-sonnet-4-5[1m]", "claude-sonnet-4.5-1m"),
    ("claude-sonnet-4-5-1m", "claude-sonnet-4.5-1m"),
    ("claude-sonnet-4.5-1m", "claude-sonnet-4.5-1m"),
    ("claude-3-7-sonnet-latest", "CLAUDE_3_7_SONNET_20250219_V1_0"),
    ("claude-3-5-haiku-latest", "auto"),
    ("claude-haiku-4-5", "claude-haiku-4.5"),
    ("claude-haiku-4.5", "claude-haiku-4.5"),
    ("claude-opus-4-5", "claude-opus-4.5"),
    ("claude-opus-4-6", "claude-opus-4.6"),
    ("claude-opus-4-6[1m]", "claude-opus-4.6-1m"),
    ("claude-opus-4-8-20260501", "claude-opus-4.8"),
    ("claude-sonnet-5[1m]", "claude-sonnet-5"),
    ("claude-opus-5-5", "claude-opus-5.5"),
    ("auto", "auto"),
    ("openai/gpt-5.6-sol", "gpt-5.6-sol"),
    ("deepseek-3.2", "deepseek-3.2"),
]


@pytest.mark.parametrize(("name", "upstream_id"), SPELLINGS)
def test_another_spelling_means_the_same_model(name, upstream_id):
    assert resolve(name, family_fallback=False).upstream_id == upstream_id


FAMILY = [
    ("claude-opus-4-1-20250805", "claude-opus-5-5"),
    ("claude-3-opus-20240229", "claude-opus-5-5"),
    ("claude-sonnet-9", "claude-sonnet-5-5"),
    ("claude-sonnet-4-7-thinking", "claude-sonnet-5-5"),
    ("claude-haiku-5-5", "claude-haiku-4-5"),
    ("claude-fable-5-2", "claude-fable-5"),
    ("anthropic/claude-opus-6[1m]", "claude-opus-5-5"),
    ("opus", "claude-opus-5-5"),
    ("sonnet[1m]", "claude-sonnet-5-5"),
    ("haiku", "claude-haiku-4-5"),
]


@pytest.mark.parametrize(("name", "model"), FAMILY)
def test_an_unknown_name_means_the_newest_of_its_family(name, model):
    assert resolve(name, family_fallback=True).name == model
    with pytest.raises(ModelUnknown):
        resolve(name, family_fallback=False)


def test_the_newest_is_looked_for_among_the_models_there_are():
    there = [model for model in MODELS if model.name in ("auto", "claude-opus-4-6")]
    assert resolve("claude-opus-9", True, there).name == "claude-opus-4-6"
    with pytest.raises(ModelUnknown):
        resolve("claude-sonnet-5", True, there)


@pytest.mark.parametrize(
    "name", ["gpt-4o", "claude-banana-4", "claude", "", "my-sonnet-finetune", "o/"]
)
def test_an_unknown_family_is_refused_with_what_there_is(name):
    with pytest.raises(ModelUnknown, match="claude-sonnet-4-20250514") as refused:
        resolve(name, family_fallback=True)
    assert refused.value.status == 404


def test_a_name_beyond_all_measure_is_not_repeated_whole():
    with pytest.raises(ModelUnknown) as refused:
        resolve("x" * 100_000, family_fallback=True)
    assert len(str(refused.value)) < 2_000


@given(st.text(alphabet="claude-sonetphik.45[1m]/@:_v0", max_size=40))
def test_no_name_breaks_it(name):
    with suppress(ModelUnknown):
        assert resolve(name, True) in MODELS


def test_traits_are_found_by_either_id():
    for model in MODELS:
        for upstream_id in {model.upstream_id, model.listed_id} - {""}:
            found = by_upstream_id(upstream_id)
            assert found is not None
            assert found.thinking == model.thinking
            assert found.window == model.window
    assert by_upstream_id("nobody-knows-it") is None
    assert by_upstream_id("") is None


def test_what_no_list_names_is_not_looked_for_in_lists():
    unlisted = {model.upstream_id for model in MODELS if not model.listed_id}
    assert unlisted == {"auto", "CLAUDE_3_7_SONNET_20250219_V1_0"}


LEARNED = [
    ("claude-sonnet-9.5", "claude-sonnet-9.5"),
    ("claude-sonnet-9-5", "claude-sonnet-9.5"),
    ("claude-sonnet-9-5-20290101", "claude-sonnet-9.5"),
    ("sonnet", "claude-sonnet-9.5"),
    ("claude-sonnet-8", "claude-sonnet-9.5"),
    ("AGI_NOVA_SWE_V1_5", "AGI_NOVA_SWE_V1_5"),
    ("agi_nova_swe_v1_5", "AGI_NOVA_SWE_V1_5"),
    ("claude-sonnet-5", "claude-sonnet-5"),
]


@pytest.mark.parametrize(("name", "upstream_id"), LEARNED)
def test_models_that_only_lists_know_are_found_like_others(name, upstream_id):
    learned = map(unknown_model, ["claude-sonnet-9.5", "AGI_NOVA_SWE_V1_5"])
    assert resolve(name, True, [*MODELS, *learned]).upstream_id == upstream_id
