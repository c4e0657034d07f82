"""The Anthropic Messages API's endpoints."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from proxy import tokens
from proxy.anthropic import encoder
from proxy.anthropic.decoder import decode_count, decode_request
from proxy.anthropic.schemas import CountBody, MessagesBody
from proxy.api import ApiRequest, build_api, decode_body, json_response
from proxy.conversation import conversation_id
from proxy.errors import GatewayError
from proxy.gateway import open_reply
from proxy.messages import collect
from proxy.relay import stream
from proxy.routing import model_for


def error_body(
    request: HttpRequest, error: GatewayError, request_id: str
) -> dict[str, object]:
    return encoder.error_body(error, request_id)


api = build_api("anthropic", error_body)


@api.post("/messages")
async def create_message(request: ApiRequest) -> HttpResponseBase:
    body = decode_body(request, MessagesBody)
    user = str((body.metadata or {}).get("user_id") or "")
    prompt = decode_request(body, conversation_id(request.auth, request.headers, user))
    exchange = request.exchange
    exchange.stream = bool(body.stream)
    reply = await open_reply(prompt, exchange)
    if body.stream:
        encode = encoder.MessageStream(
            body.model, reply.input_tokens, exchange.request_id
        )
        return stream(reply, encode)
    async with reply:
        answer = encoder.encode_reply(await collect(reply), body.model)
    return json_response(answer, headers=exchange.headers())


@api.post("/messages/count_tokens")
async def count_tokens(request: ApiRequest) -> HttpResponse:
    body = decode_body(request, CountBody)
    model = model_for(body.model)
    count = tokens.estimate(decode_count(body), model.upstream_id)
    return json_response({"input_tokens": count})
