"""The floor: a Django view without middleware that copies the upstream's bytes.

The same program as the gateway but for the view: `python -m bench.relay --fd N` has
its settings, daphne as completed by `kiro2api.server`, and its HTTP client. Django's
sync signal receivers are taken off, as the gateway does for its API.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncIterator

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kiro2api.settings")

import django
import httpx
from django.conf import settings
from django.core import signals
from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections, reset_queries
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import path

from bench.names import access_token
from kiro2api import http

HEADERS = {
    "content-type": "application/json",
    "accept-encoding": "identity",
    "authorization": f"Bearer {access_token(9)}",
}


async def relay(request: HttpRequest) -> StreamingHttpResponse:
    upstream = http.client().build_request(
        "POST",
        f"{settings.KIRO_API_URL}/generateAssistantResponse",
        content=request.body,
        headers=HEADERS,
        timeout=settings.UPSTREAM_IDLE_TIMEOUT,
    )
    response = await http.client().send(upstream, stream=True)
    return StreamingHttpResponse(_copied(response), content_type="text/event-stream")


async def _copied(response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    finally:
        await response.aclose()


urlpatterns = [path("v1/messages", relay)]


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--fd", type=int, required=True)
    fd = arguments.parse_args().fd
    settings.ROOT_URLCONF = "bench.relay"
    settings.MIDDLEWARE = []
    django.setup(set_prefix=False)
    signals.request_started.disconnect(reset_queries)
    signals.request_started.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_old_connections)
    from kiro2api.server import GatewayServer  # installs Twisted's reactor

    server = GatewayServer(ASGIHandler(), f"fd:fileno={fd}")
    print("Serving", flush=True)
    server.run()


if __name__ == "__main__":
    main()
