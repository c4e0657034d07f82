"""The pages a person sees, and what machines ask about the whole."""

from __future__ import annotations

from django.urls import path
from django.views.i18n import set_language

from dashboard import views

app_name = "dashboard"
urlpatterns = [
    path("", views.index, name="index"),
    path("pool", views.pool, name="pool"),
    path("api/tokens", views.tokens, name="tokens"),
    path("livez", views.livez, name="livez"),
    path("readyz", views.readyz, name="readyz"),
    path("language", set_language, name="language"),
]
