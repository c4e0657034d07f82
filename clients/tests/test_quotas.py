"""The rule by which a quota lets one more request go, wait, or neither."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from clients.quotas import Quota, refusing
from clients.tests.conftest import NOON


def quota(limit: float, used: float, reserved: float, likely: float, most: float):
    return Quota(
        "credits_per_day",
        *(Decimal(str(limit)), NOON),
        *(Decimal(str(number)) for number in (used, reserved, likely, most)),
    )


@pytest.mark.parametrize(
    ("others", "limit", "used", "reserved", "likely", "most", "verdict"),
    [
        pytest.param(0, 10, 0, 0, 1, 5, "go", id="all is left"),
        pytest.param(0, 10, 9, 0, 1, 1, "go", id="the last that is left"),
        pytest.param(0, 10, 9, 0, 1.1, 2, "refuse", id="more than is left"),
        pytest.param(0, 10, 10, 0, 0.1, 2, "refuse", id="nothing is left"),
        pytest.param(0, 10, 9, 0, 1, 50, "go", id="alone, whatever it might be"),
        pytest.param(1, 10, 2, 4, 1, 4, "go", id="others, and room for all"),
        pytest.param(1, 10, 2, 4, 1, 4.1, "wait", id="others, and no room for all"),
        pytest.param(1, 10, 9.5, 4, 1, 4, "refuse", id="others do not matter"),
        pytest.param(0, 0, 0, 0, 0.1, 1, "refuse", id="a quota of nothing"),
    ],
)
def test_one_more_request(others, limit, used, reserved, likely, most, verdict):
    assert quota(limit, used, reserved, likely, most).verdict(others) == verdict


def test_of_several_that_refuse_the_one_counts_that_resets_last():
    spent_today = quota(10, 10, 0, 1, 1)
    spent_this_month = Quota(
        "tokens_per_month", 5, NOON + timedelta(days=1), 5, 0, 1, 1
    )
    good = Quota("tokens_per_day", 5, NOON + timedelta(days=9), 0, 0, 1, 1)
    assert refusing([good]) is None
    assert refusing([spent_today, spent_this_month, good]) == spent_this_month
