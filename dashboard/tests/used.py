"""Two people, what each of them used, and what nobody did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.test import AsyncClient, Client

from clients.models import ApiKey, UsageRecord
from clients.tests.conftest import record
from kiro2api.database import in_database

SECRETS_OF_BEN = ("ben-key", "ben-session", "req_ben", "ben-account", "model-of-ben")


@dataclass
class Person:
    user: User
    key: ApiKey
    text: str
    """The key in clear."""


def ago(**distance: float) -> datetime:
    return datetime.now(UTC) - timedelta(**distance)


def used_by(person: Person | None, **fields: Any) -> UsageRecord:
    named: dict[str, Any] = {"at": ago(seconds=1)}
    if person:
        named |= {
            "key_id": person.key.pk,
            "key_name": person.key.name,
            "owner_id": person.user.pk,
            "owner_name": person.user.username,
        }
    told = record(**named | fields)
    return UsageRecord.objects.create(
        **{name: getattr(told, name) for name in told.__slots__}
    )


def make_person(name: str, **limits: Any) -> Person:
    user = User.objects.create_user(name, password="a long password")
    key = ApiKey(name=f"{name}-key", owner=user, **limits)
    text = key.make_key()
    key.save()
    return Person(user, key, text)


def use_of_two() -> tuple[Person, Person]:
    """Cleo and Ben, and the shared key."""
    cleo, ben = make_person("cleo"), make_person("ben")
    used_by(cleo, request_id="req_cleo", session="cleo-session", model="model-of-cleo")
    used_by(
        ben,
        request_id="req_ben",
        session="ben-session",
        model="model-of-ben",
        account="ben-account",
        account_id=77,
    )
    used_by(None, request_id="req_shared")
    return cleo, ben


async def browser_of(person: Person | User) -> AsyncClient:
    """In which the person is logged in."""
    client, browser = Client(), AsyncClient()
    await in_database(client.force_login)(
        person.user if isinstance(person, Person) else person
    )
    browser.cookies.load(
        {name: morsel.value for name, morsel in client.cookies.items()}
    )
    return browser
