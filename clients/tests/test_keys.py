"""Whose key it is, and until when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from clients import keys
from clients.keys import SHARED, Client, identify
from clients.models import ApiKey
from clients.tests.conftest import make_key
from kiro2api.database import in_database

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("writing"),
]

HOUR = timedelta(hours=1)


@in_database
def made(**fields: Any) -> tuple[ApiKey, str]:
    return make_key(**fields)


@in_database
def change(row: ApiKey, **fields: Any) -> None:
    ApiKey.objects.filter(pk=row.pk).update(**fields)
    keys.forget()


async def test_a_key_says_what_its_client_may():
    person = await in_database(User.objects.create)(username="ann")
    row, key = await made(
        owner=person,
        account_group="fast",
        allowed_models=["Claude-Sonnet-5"],
        requests_per_minute=3,
    )
    assert await identify(key) == Client(
        "ann",
        row.pk,
        "fast",
        frozenset({"claude-sonnet-5"}),
        is_limited=True,
        owner_id=person.pk,
        owner_name="ann",
    )
    assert await identify(key + "x") is None


async def test_the_shared_key_has_no_limits(settings):
    settings.KIRO_CLIENT_TOKEN = "sk-kiro-shared"
    assert await identify("sk-kiro-shared") is SHARED
    assert not SHARED.is_limited


@pytest.mark.parametrize("limit", ApiKey.Limit.values)
async def test_each_limit_makes_it_limited(limit):
    _, key = await made(**{limit: 1})
    client = await identify(key)
    assert client and client.is_limited


async def test_a_key_stops_when_it_is_switched_off_expires_or_goes():
    row, key = await made(expires_at=timezone.now() + HOUR)
    assert await identify(key)
    await change(row, enabled=False)
    assert await identify(key) is None
    await change(row, enabled=True)
    assert await identify(key)
    await change(row, expires_at=timezone.now())
    assert await identify(key) is None
    await change(row, expires_at=None)
    assert await identify(key)
    await in_database(row.delete)()
    keys.forget()
    assert await identify(key) is None


async def test_a_key_stops_with_its_owner():
    person = await in_database(User.objects.create)(username="ann")
    _, key = await made(owner=person)
    assert await identify(key)
    await in_database(User.objects.update)(is_active=False)
    keys.forget()
    assert await identify(key) is None


async def test_what_was_found_is_not_believed_for_long():
    assert keys.REMEMBER_SECONDS < 5


async def test_after_rotation_both_keys_work_until_the_overlap_ends():
    row, first = await made()
    second = await in_database(row.rotate)()
    keys.forget()
    assert first != second
    assert (await identify(first)) == (await identify(second))
    await change(row, previous_until=timezone.now())
    assert await identify(first) is None
    assert await identify(second)


async def test_a_second_rotation_ends_the_first_key():
    row, first = await made()
    second = await in_database(row.rotate)()
    third = await in_database(row.rotate)(HOUR)
    keys.forget()
    assert await identify(first) is None
    assert await identify(second)
    assert await identify(third)
    await in_database(row.refresh_from_db)()
    assert row.previous_until and row.previous_until < timezone.now() + HOUR
