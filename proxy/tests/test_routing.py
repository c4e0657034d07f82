"""Which models there are, by what the accounts' lists say."""

from __future__ import annotations

from accounts.modellist import ModelLimits, PoolModels
from proxy.catalog import MODELS, Model
from proxy.routing import Offer, offer_of


def names(models: list[Model]) -> list[str]:
    return [model.name for model in models]


def offered(*models: str, complete: bool = True) -> Offer:
    limits = {model: ModelLimits() for model in models}
    return offer_of(PoolModels(limits, complete))


UNLISTED = [model.name for model in MODELS if not model.listed_id]


def test_until_an_account_was_asked_the_catalog_is_taken_for_true():
    offer = offered(complete=False)
    assert offer.every == offer.served == offer.sure == list(MODELS)


def test_while_some_were_not_asked_they_may_have_what_others_have_not():
    offer = offered("glm-5", complete=False)
    assert offer.served == list(MODELS)
    assert set(names(offer.sure)) == {"glm-5", *UNLISTED}


def test_what_no_account_has_is_left_out_once_all_were_asked():
    offer = offered("glm-5", "claude-sonnet-4.5")
    dated = "claude-sonnet-4-5-20250929"
    assert set(names(offer.served)) == {"glm-5", dated, "claude-sonnet-4-5", *UNLISTED}
    assert offer.every == list(MODELS)


def test_what_only_lists_know_comes_last_by_its_own_id():
    listed = [model.listed_id for model in MODELS if model.listed_id]
    offer = offered("claude-opus-9", "NOVA_1", "auto", *listed)
    assert names(offer.served) == [*names(list(MODELS)), "NOVA_1", "claude-opus-9"]
    assert offer.served[-1].upstream_id == "claude-opus-9"


def test_limits_are_those_of_the_lists_where_they_tell():
    told = {
        "claude-sonnet-4.5": ModelLimits(window=777, max_output=55, images=False),
        "auto": ModelLimits(window=99),
        "new": ModelLimits(window=12),
    }
    found = {model.name: model for model in offer_of(PoolModels(told, True)).served}
    for name in ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"):
        limited = found[name]
        assert (limited.window, limited.max_output, limited.images) == (777, 55, False)
    assert (found["auto"].window, found["auto"].max_output) == (99, 64_000)
    assert found["claude-3-7-sonnet-20250219"].window == 200_000
    assert (found["new"].window, found["new"].max_output) == (12, 64_000)


def test_a_model_caches_where_the_lists_say_so():
    told = {"glm-5": ModelLimits(caching=True), "auto": ModelLimits()}
    found = {model.name: model for model in offer_of(PoolModels(told, True)).every}
    assert found["glm-5"].caching is True
    assert found["auto"].caching is found["claude-sonnet-5"].caching is False
