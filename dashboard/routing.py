"""The live side of the pages."""

from __future__ import annotations

from django.urls import path

from dashboard.consumers import PoolConsumer, UsageConsumer

websocket_urlpatterns = [
    # The language is the page's: a socket has no middleware to find it out.
    path("ws/pool/<str:language>", PoolConsumer.as_asgi(), name="live"),
    path("ws/usage", UsageConsumer.as_asgi(), name="live_usage"),
]
