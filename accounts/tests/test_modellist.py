"""What a list of models says, and what may be made of it."""

from __future__ import annotations

import pytest

from accounts.modellist import ModelLimits, read_models, shared_limits

WHOLE = {
    "modelId": "claude-opus-4.6",
    "modelName": "Claude Opus 4.6",
    "rateMultiplier": 2.2,
    "rateUnit": "Credit",
    "supportedInputTypes": ["TEXT", "IMAGE"],
    "tokenLimits": {"maxInputTokens": 1_000_000, "maxOutputTokens": 64_000},
    "promptCaching": {"supportsPromptCaching": True},
    "additionalModelRequestFieldsSchema": {"type": "object"},
}


def test_what_is_told_is_read():
    assert read_models([WHOLE]) == {
        "claude-opus-4.6": ModelLimits(
            window=1_000_000,
            max_output=64_000,
            images=True,
            rate=2.2,
            caching=True,
            native_fields=True,
        )
    }


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"tokenLimits": None, "promptCaching": None, "rateMultiplier": None},
        {"supportedInputTypes": None, "additionalModelRequestFieldsSchema": None},
        {"tokenLimits": {"maxInputTokens": None, "maxOutputTokens": 0}},
        {"tokenLimits": {"maxInputTokens": -1, "maxOutputTokens": "64000"}},
        {"tokenLimits": {"maxInputTokens": True, "maxOutputTokens": 1.5}},
        {"tokenLimits": [], "promptCaching": "yes", "rateMultiplier": "1"},
        {"rateMultiplier": -1},
        {"rateMultiplier": float("nan")},
        {"rateMultiplier": True},
    ],
)
def test_what_is_not_told_or_makes_no_sense_is_not_known(said):
    assert read_models([{"modelId": "a"} | said]) == {"a": ModelLimits()}


def test_a_model_that_takes_text_alone_takes_no_images():
    [limits] = read_models([{"modelId": "a", "supportedInputTypes": ["TEXT"]}]).values()
    assert limits.images is False


@pytest.mark.parametrize(
    "item",
    [None, 5, "a", [], {}]
    + [{"modelId": i} for i in (None, 5, "", "a b", "a\n", "a" * 129, 'a"')],
)
def test_what_has_no_proper_id_is_left_out(item):
    assert read_models([item, {"modelId": "a"}]) == {"a": ModelLimits()}


def test_two_accounts_share_what_holds_on_both():
    one = ModelLimits(window=1000, max_output=50, rate=1.0, caching=True, images=True)
    other = ModelLimits(window=200, rate=2.0, images=False, native_fields=True)
    shared = ModelLimits(window=200, max_output=50, rate=2.0, images=False)
    assert shared_limits(one, other) == shared_limits(other, one) == shared
    assert shared_limits(one, one) == one
