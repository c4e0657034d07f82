"""What the dialects share: the model list, and paths that do not exist.

One shape of the list serves the SDKs of both vendors, and Claude Code's
discovery, which asks for everything at once and waits three seconds.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from django.http import HttpRequest, HttpResponse

from proxy import dialects
from proxy.api import ApiRequest, build_api, json_response
from proxy.catalog import Model, resolve
from proxy.errors import GatewayError, NotFound
from proxy.routing import served_models


def error_body(
    request: HttpRequest, error: GatewayError, request_id: str
) -> dict[str, Any]:
    return dialects.error_body(request.path, request.headers, error, request_id)


api = build_api("models", error_body)


@api.get("/models")
async def list_models(request: ApiRequest) -> HttpResponse:
    listed = [_entry(model) for model in await served_models()]
    return json_response(
        {
            "object": "list",
            "data": listed,
            "has_more": False,
            "first_id": listed[0]["id"],
            "last_id": listed[-1]["id"],
        }
    )


@api.get("/models/{path:name}")
async def get_model(request: ApiRequest, name: str) -> HttpResponse:
    """Any spelling that a request may use; the entry goes by the name asked for,
    as SDKs expect. Only names we serve: no falling back to a family."""
    model = resolve(name, family_fallback=False, models=await served_models())
    return json_response({**_entry(model), "id": name})


ANY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@api.api_operation(ANY_METHOD, "/{path:rest}")
async def unknown_path(request: ApiRequest, rest: str) -> HttpResponse:
    raise NotFound(f"{request.method} {request.path} does not exist")


@api.api_operation(ANY_METHOD, "/")
async def no_path(request: ApiRequest) -> HttpResponse:
    return await unknown_path(request, "")


def _entry(model: Model) -> dict[str, Any]:
    created = datetime.combine(model.created, time(), UTC)
    return {
        "id": model.name,
        "object": "model",
        "type": "model",
        "display_name": model.display_name,
        "created": int(created.timestamp()),
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "owned_by": "anthropic" if model.name.startswith("claude") else "kiro",
        "lifecycle": "active",
        "max_input_tokens": model.window,
        "max_tokens": model.max_output,
        "context_length": model.window,
    }
