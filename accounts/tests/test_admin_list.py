"""The list of accounts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account, AccountGroup
from accounts.tests.conftest import add_account
from accounts.tests.pages import LIST

pytestmark = pytest.mark.django_db(transaction=True)

Block = Account.Block


def words_of(client: Client, **query: str) -> str:
    return " ".join(client.get(LIST, query).content.decode().split())


def test_it_says_what_is_the_matter_since_when_and_until_when(admin_client: Client):
    now = timezone.now()
    add_account(
        "dry",
        blocked_reason=Block.QUOTA,
        blocked_since=now - timedelta(hours=5),
        blocked_until=now + timedelta(minutes=12, seconds=30),
        credits_limit=1000,
        available=0,
    )
    add_account("dead", blocked_reason=Block.REJECTED, blocked_since=now)
    add_account("low", available=4.0, credit_floor=5.0)
    page = words_of(admin_client)
    for words in (
        "out of credits",
        "for 5 hours",
        "back in 12 minutes",
        "the refresh token is dead",
        "until a person helps",
        "its last 5 credits are left alone",
        "/ 1,000",
    ):
        assert words in page


def test_credits_say_where_they_come_from(admin_client: Client):
    plan = {"kind": "plan", "name": "PRO", "used": 400.5, "limit": 1000.0}
    trial = {"kind": "trial", "name": "", "used": 500.0, "limit": 500.0}
    add_account(
        available=599.5,
        credits_limit=1000.0,
        credit_sources=[
            plan | {"expires_at": None, "status": "ACTIVE"},
            trial | {"expires_at": "2026-01-01T00:00:00+00:00", "status": "EXHAUSTED"},
        ],
    )
    page = words_of(admin_client)
    assert 'title="plan: PRO: 599.5 of 1,000 left"' in page
    assert "trial" not in page


def test_it_filters_by_group(admin_client: Client):
    team = AccountGroup.objects.create(name="team")
    add_account("in").groups.add(team)
    add_account("out")
    answer = admin_client.get(LIST, {"groups__id__exact": team.pk})
    assert [account.name for account in answer.context["cl"].result_list] == ["in"]
    alone = admin_client.get(LIST, {"groups__isnull": "True"})
    assert [account.name for account in alone.context["cl"].result_list] == ["out"]


@pytest.mark.parametrize(
    ("status", "names"),
    [
        ("ready", ["good", "healed"]),
        ("exhausted", ["dry"]),
        ("rejected", ["dead"]),
        ("disabled", ["off"]),
        ("cooling", []),
        ("nonsense", ["good", "dry", "healed", "dead", "off"]),
    ],
)
def test_it_filters_by_status(admin_client: Client, status: str, names: list[str]):
    later = timezone.now() + timedelta(days=1)
    add_account("good")
    add_account("dry", blocked_reason=Block.QUOTA, blocked_until=later)
    add_account("healed", blocked_reason=Block.THROTTLED, blocked_until=timezone.now())
    add_account("dead", blocked_reason=Block.REJECTED)
    add_account("off", enabled=False, blocked_reason=Block.REJECTED)
    response = admin_client.get(LIST, {"status": status})
    assert [account.name for account in response.context["cl"].result_list] == names


def test_it_takes_as_many_queries_for_a_thousand_accounts(
    admin_client: Client, django_assert_num_queries
):
    team = AccountGroup.objects.create(name="team")
    add_account("a").groups.add(team)
    with CaptureQueriesContext(connection) as one:
        admin_client.get(LIST)
    Account.objects.bulk_create(
        Account(name=f"b{number}", position=number) for number in range(1000)
    )
    for account in Account.objects.all()[:50]:
        account.groups.add(team)
    with django_assert_num_queries(len(one)):
        page = admin_client.get(LIST)
    assert len(page.context["cl"].result_list) == 50


def test_only_who_may_change_accounts_drags_them(client: Client):
    viewer = User.objects.create_user("eve", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_account"))
    client.force_login(viewer)
    a, b = add_account("a"), add_account("b")
    assert "accounts-stay" in words_of(client)
    assert client.post(LIST, {"order": [b.pk, a.pk]}).status_code == 403
    assert list(Account.objects.in_order()) == [a, b]


def test_rows_that_are_sorted_otherwise_are_not_dragged(admin_client: Client):
    add_account()
    assert "accounts-stay" not in words_of(admin_client)
    assert "accounts-stay" in words_of(admin_client, o="-3")
