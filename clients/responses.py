"""Responses kept for clients that build on them, each for the key that made it.

A response keeps what was new in its request; with those before it, it is the
whole conversation. After RESPONSE_RETENTION_DAYS it is as if it had never been.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ParamSpec, TypeVar

import msgspec
from django.conf import settings
from django.db import Error as DatabaseError
from django.db.models import QuerySet
from django.utils import timezone

from clients.keys import Client
from clients.models import StoredResponse
from kiro2api.database import in_database
from kiro2api.encryption import SecretUnreadable

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
Json = dict[str, Any]

# A longer conversation is too long for any model.
MOST_IN_A_CHAIN = 1000
EXPIRED_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Kept:
    id: str
    input: list[Json]
    """The items that were new in the request."""
    response: Json
    previous: str = ""


class ResponsesUnavailable(Exception):
    """The database that holds them cannot be reached."""


def are_kept() -> bool:
    return bool(settings.RESPONSE_RETENTION_DAYS > 0)


async def keep(client: Client, kept: Kept) -> None:
    await _in_database(_keep)(client, kept)


async def find(client: Client, response_id: str) -> Kept | None:
    return await _in_database(_find)(client, response_id)


async def conversation(client: Client, response_id: str) -> list[Kept] | None:
    """All that led to a response, itself the last; None if any of it is gone."""
    return await _in_database(_conversation)(client, response_id)


async def delete(client: Client, response_id: str) -> bool:
    return await _in_database(_delete)(client, response_id)


def rotate(*, forget_unreadable: bool = False) -> int:
    """Encrypt all with the newest key; how many. Those that no key opens are left,
    or deleted: nobody can go on from them."""
    rotated = 0
    for (pk,) in StoredResponse.objects.values_list("pk").iterator():
        row = StoredResponse.objects.filter(pk=pk)
        try:
            for response in row:
                response.save(update_fields=["input", "response"])
                rotated += 1
        except SecretUnreadable:
            if forget_unreadable:
                row.delete()
    return rotated


def _delete_some_expired() -> None:
    """With each that comes a few go: the table needs no other care."""
    expired = StoredResponse.objects.filter(created_at__lte=_oldest())
    some = expired.order_by("created_at").values_list("pk", flat=True)[:EXPIRED_AT_ONCE]
    StoredResponse.objects.filter(pk__in=list(some)).delete()


def _in_database(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    async def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await in_database(function)(*args, **kwargs)
        except DatabaseError as error:
            logger.error("cannot reach stored responses: %s", type(error).__name__)
            raise ResponsesUnavailable from error

    return called


def _keep(client: Client, kept: Kept) -> None:
    _delete_some_expired()
    StoredResponse.objects.create(
        id=kept.id,
        owner_id=client.key_id,
        previous=kept.previous,
        input=msgspec.json.encode(kept.input).decode(),
        response=msgspec.json.encode(kept.response).decode(),
    )


def _find(client: Client, response_id: str) -> Kept | None:
    try:
        row = _of(client).filter(pk=response_id).first()
    except SecretUnreadable:
        logger.error("no encryption key opens the stored response %s", response_id)
        return None
    return _read(row) if row else None


def _conversation(client: Client, response_id: str) -> list[Kept] | None:
    chain: list[Kept] = []
    while response_id:
        kept = _find(client, response_id)
        if kept is None or len(chain) == MOST_IN_A_CHAIN:
            return None
        chain.append(kept)
        response_id = kept.previous
    return chain[::-1]


def _delete(client: Client, response_id: str) -> bool:
    count, _ = _of(client).filter(pk=response_id).delete()
    return count > 0


def _of(client: Client) -> QuerySet[StoredResponse]:
    return StoredResponse.objects.filter(
        owner_id=client.key_id, created_at__gt=_oldest()
    )


def _oldest() -> datetime:
    return timezone.now() - timedelta(days=settings.RESPONSE_RETENTION_DAYS)


def _read(row: StoredResponse) -> Kept:
    return Kept(
        row.id,
        msgspec.json.decode(row.input, type=list[Json]),
        msgspec.json.decode(row.response, type=Json),
        row.previous,
    )
