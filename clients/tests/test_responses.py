"""Stored responses: whose they are, how long, and what the database sees."""

from __future__ import annotations

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from cryptography.fernet import Fernet
from django.db import connection
from django.utils import timezone

from clients import responses
from clients.keys import SHARED, Client
from clients.models import ApiKey, StoredResponse
from clients.responses import Kept

pytestmark = pytest.mark.django_db(transaction=True)


def kept(response_id: str, previous: str = "") -> Kept:
    items = [{"role": "user", "content": f"hush {response_id}"}]
    return Kept(response_id, items, {"id": response_id, "output": []}, previous)


@sync_to_async
def client_with_key(name: str = "ann") -> Client:
    row = ApiKey(name=name)
    row.make_key()
    row.save()
    return Client(name, row.pk)


@sync_to_async
def age(response_id: str, **since: float) -> None:
    made = timezone.now() - timedelta(**since)
    assert StoredResponse.objects.filter(pk=response_id).update(created_at=made)


async def test_what_is_kept_is_found_again():
    await responses.keep(SHARED, kept("a"))
    assert await responses.find(SHARED, "a") == kept("a")
    assert await responses.find(SHARED, "b") is None


async def test_each_key_finds_its_own_only():
    ann, bob = await client_with_key("ann"), await client_with_key("bob")
    await responses.keep(ann, kept("a"))
    await responses.keep(SHARED, kept("s"))
    assert await responses.find(ann, "a")
    assert await responses.find(bob, "a") is None
    assert await responses.find(SHARED, "a") is None
    assert await responses.find(ann, "s") is None
    assert not await responses.delete(bob, "a")
    assert await responses.conversation(bob, "a") is None
    assert await responses.delete(ann, "a")


async def test_a_conversation_is_all_that_led_to_a_response():
    for response_id, previous in (("a", ""), ("b", "a"), ("c", "b"), ("other", "a")):
        await responses.keep(SHARED, kept(response_id, previous))
    assert await responses.conversation(SHARED, "c") == [
        kept("a"),
        kept("b", "a"),
        kept("c", "b"),
    ]


async def test_a_conversation_with_a_hole_is_none():
    await responses.keep(SHARED, kept("a"))
    await responses.keep(SHARED, kept("b", "a"))
    assert await responses.delete(SHARED, "a")
    assert await responses.conversation(SHARED, "b") is None


async def test_a_conversation_does_not_reach_into_that_of_another_key():
    await responses.keep(await client_with_key(), kept("a"))
    await responses.keep(SHARED, kept("b", "a"))
    assert await responses.conversation(SHARED, "b") is None


async def test_after_its_time_it_is_as_if_it_had_never_been(settings):
    settings.RESPONSE_RETENTION_DAYS = 2
    await responses.keep(SHARED, kept("old"))
    await responses.keep(SHARED, kept("young"))
    await age("old", days=2)
    await age("young", days=1.9)
    assert await responses.find(SHARED, "old") is None
    assert await responses.find(SHARED, "young")
    await responses.keep(SHARED, kept("new"))
    assert {row.pk async for row in StoredResponse.objects.all()} == {"young", "new"}


async def test_a_new_encryption_key_takes_them_over(settings):
    await responses.keep(SHARED, kept("a"))
    old, new = settings.SECRET_ENCRYPTION_KEYS, [Fernet.generate_key().decode()]
    settings.SECRET_ENCRYPTION_KEYS = new + old
    assert await sync_to_async(responses.rotate)() == 1
    settings.SECRET_ENCRYPTION_KEYS = new
    assert await responses.find(SHARED, "a") == kept("a")


async def test_one_that_no_key_opens_is_not_found_and_can_be_forgotten(settings):
    await responses.keep(SHARED, kept("a"))
    settings.SECRET_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert await responses.find(SHARED, "a") is None
    assert await sync_to_async(responses.rotate)() == 0
    assert await StoredResponse.objects.aexists()
    assert await sync_to_async(responses.rotate)(forget_unreadable=True) == 0
    assert not await StoredResponse.objects.aexists()


async def test_they_go_with_their_key():
    ann = await client_with_key()
    await responses.keep(ann, kept("a"))
    await ApiKey.objects.filter(name="ann").adelete()
    assert not await StoredResponse.objects.aexists()


async def test_the_database_sees_ciphertext():
    await responses.keep(SHARED, kept("a"))

    @sync_to_async
    def row() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT input, response FROM clients_storedresponse")
            return " ".join(cursor.fetchone())

    assert "hush" not in await row()
    assert "output" not in await row()


async def test_retention_of_no_days_keeps_none(settings):
    assert responses.are_kept()
    settings.RESPONSE_RETENTION_DAYS = 0
    assert not responses.are_kept()
