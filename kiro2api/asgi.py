"""http -> Django (the API without middleware), websocket -> the dashboard."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kiro2api.settings")

from django.core.asgi import get_asgi_application

pages = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core import signals  # noqa: E402
from django.core.handlers.asgi import ASGIHandler  # noqa: E402
from django.db import close_old_connections, reset_queries  # noqa: E402

from dashboard.routing import websocket_urlpatterns  # noqa: E402
from kiro2api import requestid  # noqa: E402
from kiro2api.forwarded import Forwarded  # noqa: E402
from kiro2api.handler import ApiHandler  # noqa: E402

# Django's own receivers are sync; pages need them, the API must not pay for them.
for signal, receiver in (
    (signals.request_started, reset_queries),
    (signals.request_started, close_old_connections),
    (signals.request_finished, close_old_connections),
):
    signal.disconnect(receiver)
    signal.connect(receiver, sender=ASGIHandler)

api = ApiHandler()

# Who asks knows the gateway's address only, not the name that people use.
PROBES = ("/livez", "/readyz", "/metrics")


async def http(scope: dict[str, Any], receive: Any, send: Any) -> None:
    offered = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin1")
    requestid.request_id.set(requestid.accepted_id(offered))
    root: str = scope["root_path"]
    path: str = scope["path"].removeprefix(root)
    if path == "/v1" or path.startswith("/v1/"):
        # A base URL may end in /v1, and clients add their own to it.
        below = path.removeprefix("/v1").removeprefix("/v1")
        await api({**scope, "path": f"{root}/v1{below or '/'}"}, receive, send)
    elif path in PROBES:
        await api(scope, receive, send)
    else:
        await pages(scope, receive, send)


application = Forwarded(
    ProtocolTypeRouter(
        {
            "http": http,
            "websocket": AllowedHostsOriginValidator(
                AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
            ),
        }
    ),
    trusted=settings.TRUSTED_PROXIES,
    base_path=settings.BASE_PATH,
)
