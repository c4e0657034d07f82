"""Uses that need only be counted, and what they come to in the row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import Account
from accounts.outcomes import (
    Cancelled,
    Credential,
    Failed,
    Outcome,
    Served,
    Throttled,
)
from accounts.settlement import count, settle
from accounts.tests.conftest import add_account
from accounts.uses import Uses, only_counted

CREDENTIAL = Credential(1, "ann", "social", "aoa")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("outcome", "uses"),
    [
        (Served(0.5), Uses(1, 0.5, NOON, NOON)),
        (Cancelled(0.25), Uses(1, 0.25, NOON, None)),
        (Failed("no reply"), None),
        (Throttled(5), None),
    ],
)
def test_only_what_says_nothing_of_how_the_account_stands_is_counted(outcome, uses):
    assert only_counted(CREDENTIAL, outcome, NOON) == uses


@pytest.mark.parametrize(
    "waited_for", [{"slot": 7}, {"usage_due": True}, {"credit_floor": 1.0}]
)
def test_what_others_wait_for_or_go_by_is_written_by_itself(waited_for):
    credential = replace(CREDENTIAL, **waited_for)
    assert only_counted(credential, Served(0.5), NOON) is None


def test_uses_add_up():
    served = Uses(1, 0.5, NOON, NOON)
    cancelled = Uses(2, 0.25, NOON + SECOND, None)
    assert served + cancelled == Uses(3, 0.75, NOON + SECOND, NOON)
    later = Uses(1, 1.0, NOON + 2 * SECOND, NOON + 2 * SECOND)
    assert served + cancelled + later == Uses(4, 1.75, later.ended_at, later.ended_at)


@pytest.mark.django_db
def test_they_are_counted_by_one_update_for_each_account(django_assert_num_queries):
    a, b = add_account("a", available=10.0), add_account("b", requests=3)
    uses = {b.pk: Uses(1, 0.0, NOON, None), a.pk: Uses(5, 2.5, NOON, NOON)}
    with django_assert_num_queries(4) as queries:  # with the transaction's two
        count(uses)
    assert sum(query["sql"].startswith("UPDATE") for query in queries) == 2
    a.refresh_from_db()
    b.refresh_from_db()
    assert (a.requests, a.credits_spent, a.available) == (5, 2.5, 7.5)
    assert (b.requests, b.credits_spent, b.available) == (4, 0.0, None)
    assert a.last_used_at == b.last_used_at == NOON


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("served_at", "kept"),
    [(NOON - SECOND, True), (NOON, False), (NOON + SECOND, False), (None, True)],
)
def test_a_reply_clears_what_went_wrong_before_it_and_nothing_since(served_at, kept):
    account = add_account(refusals=2, last_error="x", last_error_at=NOON)
    count({account.pk: Uses(1, 0.0, NOON + SECOND, served_at)})
    account.refresh_from_db()
    assert (account.refusals, account.last_error) == ((2, "x") if kept else (0, ""))


@pytest.mark.django_db
def test_an_error_of_unknown_time_is_cleared():
    account = add_account(refusals=2, last_error="x")
    count({account.pk: Uses(1, 0.0, NOON, NOON)})
    account.refresh_from_db()
    assert (account.refusals, account.last_error) == (0, "")


@pytest.mark.django_db
def test_the_time_of_the_last_use_does_not_go_back():
    account = add_account(last_used_at=NOON + SECOND)
    count({account.pk: Uses(1, 0.0, NOON, NOON)})
    account.refresh_from_db()
    assert account.last_used_at == NOON + SECOND


@pytest.mark.django_db
def test_counted_together_they_come_to_what_they_do_one_by_one():
    singly, together = (add_account(n, available=9.0) for n in ("a", "b"))
    outcomes: list[Outcome] = [Served(0.5), Cancelled(0.25), Served(1.25)]
    uses = Uses(0, 0.0, NOON, None)
    for outcome in outcomes:
        settle(singly.credential(), outcome)
        told = only_counted(together.credential(), outcome, NOON)
        assert told is not None
        uses += told
    count({together.pk: uses})
    counters = ("requests", "failures", "credits_spent", "available", "last_error")
    rows = Account.objects.in_order().values_list(*counters)
    assert rows[0] == rows[1] == (3, 0, 2.0, 7.0, "")
