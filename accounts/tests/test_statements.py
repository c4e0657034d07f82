"""Statements that are built once, beside what Django makes of the same querysets."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import BigIntegerField, F, FloatField
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import CALLING, Account, AccountQuerySet
from accounts.outcomes import Need
from accounts.statements import NOW, Blank, Read, Update
from accounts.tests.conftest import add_account
from kiro2api.encryption import SecretUnreadable

pytestmark = pytest.mark.django_db

NEEDS = [Need(), Need(model="m"), Need(group="g"), Need(model="m", group="g")]


def serving(need: Need, now: datetime, pk: Any) -> AccountQuerySet:
    rows = Account.objects.usable(now).serving(need).with_room(now)
    rows = rows.fresh(now).warm(now).filter(pk=pk).by_share()
    return rows.with_secrets(*CALLING)


def statements(captured: CaptureQueriesContext) -> list[str]:
    """But for the parentheses that an expression gets around it."""
    bare = str.maketrans("", "", "()")
    return [query["sql"].translate(bare) for query in captured]


@pytest.mark.parametrize("need", NEEDS)
def test_a_read_says_what_django_would(need):
    read = Read(serving(need, NOW, Blank("pk", BigIntegerField())))
    for now, pk in ((timezone.now(), 7), (timezone.now() - timedelta(days=3), 9)):
        with CaptureQueriesContext(connection) as captured:
            serving(need, now, pk).first()
            read.first(now=now, pk=pk)
        plain, ours = statements(captured)
        assert ours == plain


def test_an_update_says_what_django_would():
    def changes(now: datetime) -> dict[str, Any]:
        return {"share": F("share") + 1.0, "chosen_at": now}

    share = Blank("share", FloatField())
    update = Update(Account.objects.filter(share=share), **changes(NOW))
    for now, value in ((timezone.now(), 1.5), (timezone.now(), 2.5)):
        with CaptureQueriesContext(connection) as captured:
            Account.objects.filter(share=value).update(**changes(now))
            update.run(now=now, share=value)
        plain, ours = statements(captured)
        assert ours == plain


def test_each_run_reads_the_row_as_it_is():
    account = add_account("a", served_models={"m": True})
    rows = Account.objects.usable(NOW).in_order().with_secrets(*CALLING)
    read = Read(rows)
    assert read.first(now=timezone.now()) == account
    until = timezone.now() + timedelta(hours=1)
    blocked = {"blocked_reason": Account.Block.QUOTA, "blocked_until": until}
    Account.objects.update(access_token="new", **blocked)
    assert read.first(now=timezone.now()) is None
    healed = read.first(now=until)
    assert healed is not None
    assert (healed.access_token, healed.blocked_until) == ("new", until)
    assert healed.served_models == {"m": True}


def test_what_was_not_asked_for_is_read_later(django_assert_num_queries):
    add_account("a", refresh_token="r")
    account = Read(Account.objects.all().with_secrets(*CALLING)).first()
    assert account is not None
    with django_assert_num_queries(0):
        assert account.access_token
    with django_assert_num_queries(1):
        assert account.refresh_token == "r"


def test_ciphertext_does_not_pass_for_a_secret():
    add_account("a")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_account SET access_token = 'not ours'")
    read = Read(Account.objects.all().with_secrets(*CALLING))
    with pytest.raises(SecretUnreadable):
        read.first()


def test_an_update_tells_how_many_rows_there_were():
    add_account("a", share=1.0)
    share = Blank("share", FloatField())
    update = Update(Account.objects.filter(share=share), share=5.0)
    assert [update.run(share=1.0), update.run(share=1.0)] == [1, 0]
