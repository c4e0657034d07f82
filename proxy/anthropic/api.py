"""The Anthropic Messages API's endpoints."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from proxy import attachments, tokens
from proxy.anthropic import encoder
from proxy.anthropic.decoder import decode_count, decode_format, decode_request
from proxy.anthropic.schemas import CountBody, MessagesBody
from proxy.api import ApiRequest, build_api, decode_body, json_response
from proxy.conversation import conversation_id
from proxy.errors import GatewayError
from proxy.exchange import Exchange
from proxy.gateway import open_reply
from proxy.relay import ReplyStream
from proxy.routing import model_for
from proxy.structured import replayed, whole_reply


def error_body(
    request: HttpRequest, error: GatewayError, request_id: str
) -> dict[str, object]:
    return encoder.error_body(error, request_id)


api = build_api("anthropic", error_body)


@api.post("/messages")
async def create_message(request: ApiRequest) -> HttpResponseBase:
    request.exchange.dialect = "anthropic"
    body = decode_body(request, MessagesBody)
    user = str((body.metadata or {}).get("user_id") or "")
    prompt = decode_request(
        body,
        conversation_id(request.auth, request.headers, user),
        remote_images=settings.ALLOW_REMOTE_IMAGES,
    )
    wanted = decode_format(body)
    exchange = request.exchange
    exchange.stream = bool(body.stream)
    if body.stream and wanted is None:
        opened = await open_reply(prompt, exchange)
        return ReplyStream(opened, _stream(body, exchange, opened.input_tokens))
    reply = await whole_reply(prompt, exchange, wanted)
    if body.stream:
        encode = _stream(body, exchange, reply.whole.usage.input_tokens)
        return replayed(reply, encode, exchange)
    answer = encoder.encode_reply(reply, body.model)
    return json_response(answer, headers=exchange.headers())


def _stream(
    body: MessagesBody, exchange: Exchange, input_tokens: int
) -> encoder.MessageStream:
    return encoder.MessageStream(body.model, input_tokens, exchange.request_id)


@api.post("/messages/count_tokens")
async def count_tokens(request: ApiRequest) -> HttpResponse:
    body = decode_body(request, CountBody)
    model = await model_for(body.model)
    prompt = decode_count(body, remote_images=settings.ALLOW_REMOTE_IMAGES)
    prompt = await attachments.resolve(prompt)
    count = tokens.estimate(prompt, model)
    return json_response({"input_tokens": count})
