"""The Responses API's endpoints."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from clients import responses
from clients.responses import Kept, ResponsesUnavailable
from proxy.api import ApiRequest, build_api, decode_body, json_response
from proxy.conversation import conversation_id
from proxy.errors import GatewayError
from proxy.gateway import open_reply
from proxy.openai_errors import error_body as openai_error_body
from proxy.openai_input import refuse_remote_images
from proxy.relay import ReplyStream
from proxy.responses.decoder import decode_format, decode_request
from proxy.responses.earlier import (
    delete_response,
    read_earlier,
    read_input,
    read_response,
)
from proxy.responses.encoder import ResponseStream
from proxy.responses.output import Json, Outline, repeated
from proxy.responses.schemas import Item, ResponsesBody
from proxy.responses.tools import read_tools
from proxy.structured import replayed, whole_reply

logger = logging.getLogger(__name__)


def error_body(
    request: HttpRequest, error: GatewayError, request_id: str
) -> dict[str, Any]:
    return openai_error_body(error)


api = build_api("responses", error_body)


@api.post("/responses")
async def create_response(request: ApiRequest) -> HttpResponseBase:
    request.exchange.dialect = "responses"
    body = decode_body(request, ResponsesBody)
    earlier = await read_earlier(request.auth, body.previous_response_id)
    own = await read_input(request.auth, body)
    items = [*earlier, *own]
    offer = read_tools(body, items)
    conversation = conversation_id(
        request.auth, request.headers, body.prompt_cache_key or ""
    )
    prompt = decode_request(body, items, offer, conversation)
    if not settings.ALLOW_REMOTE_IMAGES:
        refuse_remote_images(prompt, "input")
    wanted = decode_format(body)
    stored = body.store is not False and responses.are_kept()
    outline = Outline(body.model, repeated(body, stored), offer.spelling)
    exchange = request.exchange
    exchange.stream = bool(body.stream)
    encoder = ResponseStream(outline)
    if body.stream and not wanted:
        response = ReplyStream(await open_reply(prompt, exchange), encoder)
        if stored:
            chunks = cast(AsyncGenerator[bytes, None], response.streaming_content)
            response.streaming_content = _kept_in_time(request, own, chunks, encoder)
        return response
    reply = await whole_reply(prompt, exchange, wanted)
    answer = outline.finished(reply)
    if stored:
        await _keep(request, own, answer)
    if body.stream:
        return replayed(reply, encoder, exchange)
    return json_response(answer, headers=exchange.headers())


@api.get("/responses/{response_id}")
async def get_response(request: ApiRequest, response_id: str) -> HttpResponse:
    kept = await read_response(request.auth, response_id)
    return json_response(kept.response)


@api.delete("/responses/{response_id}")
async def remove_response(request: ApiRequest, response_id: str) -> HttpResponse:
    await delete_response(request.auth, response_id)
    return json_response({"id": response_id, "object": "response", "deleted": True})


async def _kept_in_time(
    request: ApiRequest,
    own: list[Item],
    chunks: AsyncGenerator[bytes, None],
    encoder: ResponseStream,
) -> AsyncGenerator[bytes, None]:
    """The stream, its response kept before its end is sent: whoever has read that
    may build on it at once."""
    async with aclosing(chunks):
        async for chunk in chunks:
            if encoder.response:
                await _keep(request, own, encoder.response)
            yield chunk


async def _keep(request: ApiRequest, own: list[Item], response: Json) -> None:
    """The answer is worth having even where it cannot be kept."""
    previous = response["previous_response_id"] or ""
    try:
        await responses.keep(
            request.auth, Kept(response["id"], own, response, previous)
        )
    except ResponsesUnavailable:
        logger.error("a response could not be kept")
