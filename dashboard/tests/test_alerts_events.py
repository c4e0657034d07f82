"""Which news there is between what was told and what is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dashboard.alerts.events import (
    AccountState,
    QuotaState,
    Trouble,
    Wanted,
    compare,
)

EMPTY: Trouble = ("pool_empty", "")
LOW: Trouble = ("pool_low", "")
LOST: Trouble = ("account_lost", "1")


def account(number: int = 1, lost="", usable=True, credits: float | None = 500.0):
    return AccountState(number, f"number {number}", lost, usable and not lost, credits)


def quota(used="0", quota="10", requests=1000, period="2026-11-22"):
    return QuotaState(
        7, "ann", "credits_per_day", period, Decimal(used), requests, Decimal(quota)
    )


def wanted(*kinds, ends=True, least_accounts=2, least_credits=None):
    every = ("account_lost", "pool_low", "pool_empty", "key_nearly_used", "key_used_up")
    return Wanted(frozenset(kinds or every), ends, least_accounts, least_credits)


def events(accounts=(), quotas=(), want=None, told=()):
    change = compare(accounts, quotas, want or wanted(), told)
    return [news.event for news in change.news]


HEALTHY = [account(1), account(2), account(3)]
ONE_LOST = [account(1, lost="rejected"), account(2), account(3)]
ONE_LEFT = [account(1), account(2, usable=False), account(3, usable=False)]
NONE_LEFT = [account(1, usable=False), account(2, usable=False)]


@pytest.mark.parametrize(
    ("accounts", "told", "expected"),
    [
        (HEALTHY, [], []),
        (ONE_LOST, [], ["account_lost"]),
        (ONE_LOST, [LOST], []),
        (HEALTHY, [LOST], ["account_back"]),
        (ONE_LEFT, [], ["pool_low"]),
        (ONE_LEFT, [LOW], []),
        (HEALTHY, [LOW], ["pool_back"]),
        # The graver one alone, in both directions.
        (NONE_LEFT, [], ["pool_empty"]),
        (NONE_LEFT, [LOW], ["pool_empty"]),
        (NONE_LEFT, [LOW, EMPTY], []),
        (ONE_LEFT, [LOW, EMPTY], ["pool_back"]),
        (HEALTHY, [LOW, EMPTY], ["pool_back"]),
        ([], [], ["pool_empty"]),
        # It was deleted, or switched off: there is nothing good to tell.
        (HEALTHY[1:], [LOST], []),
    ],
)
def test_news_of_accounts_and_the_pool(accounts, told, expected):
    assert events(accounts, told=told) == expected


def test_what_is_told_lasts_until_it_is_over():
    begun = compare(NONE_LEFT, [], wanted(), [])
    assert begun.begun == [LOW, EMPTY]
    assert begun.over == []
    over = compare(HEALTHY, [], wanted(), begun.begun)
    assert over.begun == []
    assert over.over == [LOW, EMPTY]


def test_an_end_is_told_only_to_who_wants_it():
    assert events(HEALTHY, told=[LOST, LOW], want=wanted(ends=False)) == []


def test_only_what_is_wanted_is_told():
    assert events(NONE_LEFT, want=wanted("pool_low")) == ["pool_low"]
    assert events(NONE_LEFT, want=wanted("account_lost")) == []


def test_what_is_wanted_no_more_ends_without_a_word():
    change = compare(HEALTHY, [], wanted("pool_empty"), [LOST])
    assert change.over == [LOST]
    assert change.news == []


@pytest.mark.parametrize(
    ("credits", "told", "is_low"),
    [
        ([600.0, 400.0], [], False),
        ([600.0, 399.0], [], True),
        ([600.0, None], [], False),
        # Well again only with a tenth more.
        ([600.0, 480.0], [LOW], True),
        ([600.0, 500.0], [LOW], False),
    ],
)
def test_few_credits_make_a_pool_low(credits, told, is_low):
    accounts = [account(n, credits=left) for n, left in enumerate(credits)]
    want = wanted("pool_low", ends=False, least_accounts=None, least_credits=1000.0)
    change = compare(accounts, [], want, told)
    assert (LOW in {*told, *change.begun} - {*change.over}) == is_low


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (quota("7.99"), []),
        (quota("8"), ["key_nearly_used"]),
        (quota("9.98"), ["key_nearly_used"]),
        (quota("10"), ["key_used_up"]),
        (quota("11.5"), ["key_used_up"]),
        # The usual request of this key costs 0.3: there is no room for one.
        (quota("9.9", requests=33), ["key_used_up"]),
        (quota("0", "0", requests=0), ["key_used_up"]),
        (quota("0", "10", requests=0), []),
    ],
)
def test_news_of_keys(state, expected):
    assert events(HEALTHY, [state]) == expected


def test_a_quota_is_told_of_once_in_its_period():
    """Even if the usual request gets cheaper."""
    told = compare(HEALTHY, [quota("9.9", requests=33)], wanted(), []).begun
    again = compare(HEALTHY, [quota("9.92", requests=3300)], wanted(), told)
    assert (again.begun, again.over, again.news) == ([], [], [])


@pytest.mark.parametrize(
    "anew", [quota("8.5", period="2026-11-23"), quota("16.5", quota="20")]
)
def test_a_new_period_or_another_quota_is_told_of_anew(anew):
    told = compare(HEALTHY, [quota("10")], wanted(), []).begun
    change = compare(HEALTHY, [anew], wanted(), told)
    assert change.over == told
    assert [news.event for news in change.news] == ["key_nearly_used"]


def test_news_hold_the_figures():
    (news,) = compare(ONE_LOST, [], wanted("account_lost"), []).news
    assert (news.account, news.account_id, news.reason) == ("number 1", 1, "rejected")
    assert (news.usable, news.total) == (2, 3)
    (news,) = compare(HEALTHY, [quota("8.125")], wanted(), []).news
    assert (news.key, news.key_id, news.used, news.quota) == ("ann", 7, "8.12", "10")
