"""The Chat Completions API's endpoint."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from proxy.api import ApiRequest, build_api, decode_body, json_response
from proxy.conversation import conversation_id
from proxy.errors import GatewayError
from proxy.gateway import open_reply
from proxy.openai.decoder import decode_format, decode_request
from proxy.openai.encoder import ChatStream, Completion, encode_reply
from proxy.openai.schemas import ChatBody
from proxy.openai_errors import error_body as openai_error_body
from proxy.openai_input import refuse_remote_images
from proxy.relay import ReplyStream
from proxy.structured import replayed, whole_reply


def error_body(
    request: HttpRequest, error: GatewayError, request_id: str
) -> dict[str, Any]:
    return openai_error_body(error)


api = build_api("openai", error_body)


@api.post("/chat/completions")
async def create_completion(request: ApiRequest) -> HttpResponseBase:
    request.exchange.dialect = "openai"
    body = decode_body(request, ChatBody)
    key = body.prompt_cache_key or ""
    prompt = decode_request(body, conversation_id(request.auth, request.headers, key))
    if not settings.ALLOW_REMOTE_IMAGES:
        refuse_remote_images(prompt, "messages")
    wanted = decode_format(body)
    exchange = request.exchange
    exchange.stream = bool(body.stream)
    completion = Completion(body.model, legacy=bool(body.functions))
    options = body.stream_options
    encoder = ChatStream(completion, bool(options and options.include_usage))
    if body.stream and not wanted:
        return ReplyStream(await open_reply(prompt, exchange), encoder)
    reply = await whole_reply(prompt, exchange, wanted)
    if body.stream:
        return replayed(reply, encoder, exchange)
    return json_response(encode_reply(reply, completion), headers=exchange.headers())
