"""The pages on which people keep the client keys."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clients import periods
from clients.models import ApiKey, KeyUse, digest
from clients.tests.conftest import make_key

pytestmark = pytest.mark.django_db

LIST = "/admin/clients/apikey/"
ADD = "/admin/clients/apikey/add/"
KEY = re.compile(r"sk-kiro-[\w-]{43}")
EMPTY = dict.fromkeys(
    ("owner", "account_group", "allowed_models", *ApiKey.Limit.values), ""
)


def page_of(row: ApiKey) -> str:
    return reverse("admin:clients_apikey_change", args=[row.pk])


def send(client: Any, url: str, **fields: Any) -> Any:
    answer = client.post(url, EMPTY | fields, follow=True)
    assert answer.status_code == 200
    form = answer.context.get("adminform")
    assert not (form and form.form.errors), form.form.errors
    return answer


def test_a_new_key_is_shown_once_and_works(admin_client):
    page = send(admin_client, ADD, name="ann").content.decode()
    (key,) = set(KEY.findall(page))
    row = ApiKey.objects.get()
    assert (row.name, row.digest, row.is_limited) == ("ann", digest(key), False)
    for url in (LIST, page_of(row)):
        again = admin_client.get(url).content.decode()
        assert key not in again
        assert row.digest not in again
        assert row.prefix in again


def test_all_limits_are_set_and_shown_as_a_person_wrote_them(admin_client):
    person = User.objects.create(username="bob")
    limits = dict.fromkeys(ApiKey.Limit.values, "3") | {"credits_per_day": "2.5"}
    limits["credits_per_month"] = "10"
    wanted = {
        "name": "bob",
        "owner": person.pk,
        "account_group": "fast",
        "allowed_models": "claude-sonnet-5\n claude-haiku-4-5, auto\n",
        **limits,
    }
    send(admin_client, ADD, **wanted)
    row = ApiKey.objects.get()
    assert row.owner == person
    assert row.account_group == "fast"
    assert row.allowed_models == ["claude-sonnet-5", "claude-haiku-4-5", "auto"]
    assert {name: getattr(row, name) for name in limits} == {
        name: Decimal(value) for name, value in limits.items()
    }
    form = admin_client.get(page_of(row)).context["adminform"].form
    shown = {name: str(form[name].value()) for name in limits}
    assert shown == limits
    assert form["allowed_models"].value().split() == row.allowed_models


def test_only_what_was_changed_is_written(admin_client):
    row, _ = make_key("ann", credits_per_day="2.5", allowed_models=["auto"])
    stale = ApiKey.objects.get()
    ApiKey.objects.update(last_used_at=timezone.now())
    fields = {"name": "renamed", "enabled": "on", "allowed_models": "auto"}
    send(admin_client, page_of(row), **fields, credits_per_day="2.5")
    row.refresh_from_db()
    assert row.name == "renamed"
    assert row.last_used_at and row.enabled
    assert row.credits_per_day == stale.credits_per_day
    assert LogEntry.objects.get().get_change_message() == "Changed Name."


@pytest.mark.parametrize(
    "limit", ["credits_per_day", "tokens_per_month", "max_concurrent"]
)
def test_no_limit_is_negative(admin_client, limit):
    fields = EMPTY | {"name": "ann", limit: "-1"}
    answer = admin_client.post(ADD, fields)
    assert limit in answer.context["adminform"].form.errors
    assert not ApiKey.objects.exists()


def test_what_was_used_stands_beside_its_limit_with_a_bar(admin_client):
    row, _ = make_key("ann", credits_per_day=10, tokens_per_month=1000)
    now = timezone.now()
    for period, start, used in (
        ("day", periods.day_of(now), "8.5"),
        ("month", periods.month_of(now), "70"),
        ("day", periods.day_of(now) - timedelta(days=1), "5000"),
    ):
        KeyUse.objects.create(
            key=row, period=period, start=start, credits=used, tokens=2345
        )
    listed = admin_client.get(LIST).content.decode()
    assert "8.50" in listed and 'aria-label="85%"' in listed
    assert "70.00" in listed
    page = admin_client.get(page_of(row)).content.decode()
    assert "2,345" in page and 'aria-label="100%"' in page
    assert "5,000" not in page


def test_the_list_costs_as_many_queries_for_many_keys_as_for_few(admin_client):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            admin_client.get(LIST)
        return len(queries)

    make_key("first", owner=User.objects.create(username="a"))
    cost()
    before = cost()
    for number in range(8):
        person = User.objects.create(username=f"b{number}")
        make_key(f"key {number}", owner=person, credits_per_day=1)
    assert cost() == before


def test_a_key_is_rotated_and_the_new_one_shown_once(admin_client):
    row, first = make_key()
    rotate = reverse("admin:clients_apikey_rotate_one", args=[row.pk])
    asked = admin_client.get(rotate)
    assert asked.status_code == 200
    row.refresh_from_db()
    assert row.digest == digest(first)

    done = admin_client.post(rotate, {"_form_submitted": "1"})
    page = admin_client.get(done["HX-Redirect"]).content.decode()
    (second,) = set(KEY.findall(page))
    row.refresh_from_db()
    assert (row.digest, row.previous_digest) == (digest(second), digest(first))
    assert row.previous_until
    overlap = row.previous_until - timezone.now()
    assert timedelta(hours=23) < overlap <= timedelta(hours=24)
    assert LogEntry.objects.get().change_message == "rotated"
    again = admin_client.get(page_of(row)).content.decode()
    assert not KEY.findall(again)
    assert not {row.digest, row.previous_digest} & set(again.split('"'))


def test_who_may_only_look_rotates_nothing(client):
    person = User.objects.create(username="viewer", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    client.force_login(person)
    row, key = make_key()
    rotate = reverse("admin:clients_apikey_rotate_one", args=[row.pk])
    assert client.post(rotate, {"_form_submitted": "1"}).status_code in (302, 403)
    row.refresh_from_db()
    assert row.digest == digest(key)
    assert client.get(page_of(row)).status_code == 200
