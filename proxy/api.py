"""What every endpoint of the API shares: key, request id, errors in the
caller's dialect, one log line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern
from ninja import NinjaAPI

from clients.keys import Client, KeysUnavailable, identify
from kiro2api import requestid
from proxy import dump
from proxy.errors import (
    BadRequest,
    GatewayError,
    KeyMissing,
    ModelUnknown,
    NotFound,
    Unavailable,
    invalid_field,
)
from proxy.exchange import CLIENT_GONE, STATUS_CLIENT_GONE, Exchange

logger = logging.getLogger(__name__)

Body = TypeVar("Body")
EncodeError = Callable[[HttpRequest, GatewayError, str], dict[str, Any]]
View = Callable[..., Awaitable[HttpResponseBase]]


class ApiRequest(HttpRequest):
    """A request as our endpoints see it."""

    auth: Client
    exchange: Exchange


def build_api(namespace: str, encode_error: EncodeError) -> NinjaAPI:
    """A NinjaAPI whose every failure leaves in this dialect's shape."""
    api = NinjaAPI(
        title="kiro2api",
        urls_namespace=namespace,
        auth=client_key,
        docs_url=None,
        openapi_url=None,
    )

    def refuse(request: ApiRequest, error: GatewayError) -> HttpResponse:
        exchange = request.exchange
        exchange.error = type(error).__name__
        headers = {}
        if error.retry_after is not None:
            headers["Retry-After"] = str(error.retry_after)
        if error.should_retry is not None:
            headers["x-should-retry"] = str(error.should_retry).lower()
        if isinstance(error, ModelUnknown) and settings.MODEL_NOT_FOUND_STYLE != "api":
            return json_response(newapi_body(error.model, exchange.request_id), 400)
        content = encode_error(request, error, exchange.request_id)
        return json_response(content, error.status, headers)

    def refuse_depth(request: ApiRequest, error: RecursionError) -> HttpResponse:
        # JSON that could just be parsed may be too deep for what comes after.
        return refuse(request, BadRequest("the body is nested too deep"))

    def fail(request: ApiRequest, error: Exception) -> HttpResponse:
        logger.error("a request broke in the gateway", exc_info=error)
        return refuse(request, GatewayError("the gateway failed: see its log"))

    api.add_exception_handler(GatewayError, refuse)  # type: ignore[arg-type]
    api.add_exception_handler(RecursionError, refuse_depth)  # type: ignore[arg-type]
    api.add_exception_handler(Exception, fail)  # type: ignore[arg-type]
    return api


def newapi_body(model: str, request_id: str) -> dict[str, Any]:
    """As the original answers, so that a new-api in front tries its next channel."""
    return {
        "error": {
            "code": "model_not_found",
            "message": f"分组 default 下模型 {model} 无可用渠道（distributor） "
            f"(request id: {request_id})",
            "type": "new_api_error",
        }
    }


async def client_key(request: HttpRequest) -> Client:
    """`x-api-key` or `Authorization: Bearer`, in every dialect. Both may be sent:
    one that we know is enough."""
    authorization = request.headers.get("authorization", "")
    bearer = authorization.removeprefix("Bearer ").removeprefix("bearer ").strip()
    offered = [key for key in (request.headers.get("x-api-key"), bearer) if key]
    if not offered:
        raise KeyMissing("no API key: send x-api-key or Authorization: Bearer")
    try:
        for key in offered:
            if client := await identify(key):
                request.exchange.client = client  # type: ignore[attr-defined]
                dump.begin(request)
                return client
    except KeysUnavailable as error:
        raise Unavailable(
            "the gateway cannot check API keys now", retry_after=5
        ) from error
    # OpenAI's words, by which LiteLLM tells a wrong key from a bad request.
    raise KeyMissing("Incorrect API key provided: it is not known here")


def decode_body(request: HttpRequest, shape: type[Body]) -> Body:
    """The body as one msgspec Struct, or a 400 that names the field's path."""
    try:
        return msgspec.json.decode(request.body, type=shape)
    except msgspec.ValidationError as error:
        raise invalid_field(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"the body is not valid JSON: {error}") from error
    except RecursionError as error:
        raise BadRequest("the body is nested too deep") from error


def json_response(
    content: Any, status: int = 200, headers: dict[str, str] | None = None
) -> HttpResponse:
    return HttpResponse(
        msgspec.json.encode(content),
        status=status,
        content_type="application/json",
        headers=headers,
    )


def routes(api: NinjaAPI, encode_error: EncodeError) -> list[URLPattern]:
    """The API's routes, each call with its request id and its log line."""
    patterns = [
        entry
        for entry in api.urls[0]
        # The root is ninja's own, for its pages, and would answer in HTML.
        if isinstance(entry, URLPattern) and entry.name != "api-root"
    ]
    for pattern in patterns:
        pattern.callback = _exchanged(pattern.callback, encode_error)
    return patterns


def _exchanged(view: View, encode_error: EncodeError) -> View:
    async def called(request: ApiRequest, **kwargs: Any) -> HttpResponseBase:
        request_id = requestid.accepted_id(request.headers.get("x-request-id", ""))
        requestid.request_id.set(request_id)
        exchange = Exchange(request_id, request.method or "", request.path)
        request.exchange = exchange
        try:
            response = await view(request, **kwargs)
        except asyncio.CancelledError:
            exchange.error = CLIENT_GONE
            exchange.finish(STATUS_CLIENT_GONE)
            raise
        if response.status_code == 405:
            error = NotFound(f"{request.method} {request.path} does not exist")
            response = json_response(encode_error(request, error, request_id), 405)
        response["request-id"] = response["x-request-id"] = request_id
        if isinstance(response, HttpResponse):
            dump.note("answer", response.content)
            exchange.finish(response.status_code)
        return response

    return called
