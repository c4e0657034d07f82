"""What a client hears when the pool has no account for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from accounts.outcomes import PoolExhausted, Shortage
from proxy.shortage import RETRY_AFTER_MOST, refusal

SOON = datetime.now(UTC) + timedelta(seconds=5)

CASES = {
    "none": (503, "no account is set up: add one in the admin"),
    "no_model": (503, "no account of the pool has the model gold"),
    "quota": (429, "every account of the pool is out of credits until"),
    "cooling": (429, "every account of the pool is pausing"),
    "busy": (429, "every account of the pool is at its limit of requests"),
    "rejected": (503, "no account of the pool can be used"),
    "named": (503, "this account has no token: it is dead"),
    "away": (503, "the gateway's database cannot be reached"),
}
# Whoever waits for a moment may be lucky.
WORTH_ANOTHER_TRY = {"cooling", "busy", "away"}


def test_every_shortage_has_a_case():
    assert set(CASES) == set(get_args(Shortage))


@pytest.mark.parametrize("shortage", get_args(Shortage))
def test_the_client_hears_why_and_whether_to_try_again(shortage: Shortage):
    status, words = CASES[shortage]
    error = refusal(PoolExhausted(shortage, SOON, model="gold", told="it is dead"))
    assert error.status == status
    assert error.message.startswith(words)
    assert (error.should_retry is not False) == (shortage in WORTH_ANOTHER_TRY)


@pytest.mark.parametrize("shortage", ["cooling", "busy"])
def test_the_wait_is_told_and_never_long(shortage: Shortage):
    for seconds, told in ((-9, 1), (5, 5), (900, RETRY_AFTER_MOST)):
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        assert refusal(PoolExhausted(shortage, until)).retry_after == told
    assert refusal(PoolExhausted(shortage)).retry_after == RETRY_AFTER_MOST


def test_an_empty_group_is_named():
    error = refusal(PoolExhausted("none", group="team"))
    assert "for the group team" in error.message
