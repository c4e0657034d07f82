"""What a request builds on without saying it again: earlier responses of its key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from clients import responses
from clients.keys import Client
from clients.responses import Kept, ResponsesUnavailable
from proxy.errors import NotFound, Unavailable
from proxy.responses.decoder import items_of
from proxy.responses.output import referenced
from proxy.responses.schemas import Item, ResponsesBody


async def read_earlier(client: Client, response_id: str | None) -> list[Item]:
    """The items of a conversation up to that response, its own included."""
    if not response_id:
        return []
    with database_needed():
        conversation = await responses.conversation(client, response_id)
    if conversation is None:
        raise NotFound(
            f"Previous response with id '{response_id}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    return [
        item
        for kept in conversation
        for item in (*kept.input, *kept.response["output"])
    ]


async def read_input(client: Client, body: ResponsesBody) -> list[Item]:
    """The request's own items; those it only names, in full."""
    known: dict[str, Kept | None] = {}
    return [await _whole(client, item, known) for item in items_of(body)]


async def _whole(client: Client, item: Item, known: dict[str, Kept | None]) -> Item:
    kind = item.get("type")
    if kind != "item_reference" and (kind or "role" in item):
        return item
    item_id = str(item.get("id"))
    if place := referenced(item_id):
        response_id, index = place
        if response_id not in known:
            with database_needed():
                known[response_id] = await responses.find(client, response_id)
        kept = known[response_id]
        if kept and index < len(output := kept.response["output"]):
            return dict(output[index])
    raise NotFound(f"Item with id '{item_id}' not found.", param="input")


async def read_response(client: Client, response_id: str) -> Kept:
    with database_needed():
        kept = await responses.find(client, response_id)
    if kept is None:
        raise not_found(response_id)
    return kept


async def delete_response(client: Client, response_id: str) -> None:
    with database_needed():
        deleted = await responses.delete(client, response_id)
    if not deleted:
        raise not_found(response_id)


def not_found(response_id: str) -> NotFound:
    return NotFound(f"Response with id '{response_id}' not found.")


@contextmanager
def database_needed() -> Iterator[None]:
    try:
        yield
    except ResponsesUnavailable as error:
        raise Unavailable(
            "the gateway cannot read stored responses now", retry_after=5
        ) from error
