"""The pages a person sees, and what machines ask about the whole."""

from __future__ import annotations

from django.urls import path
from django.views.i18n import set_language

from dashboard import (
    connectpage,
    exports,
    metricsview,
    mypage,
    requestspage,
    signin,
    usagepage,
    views,
)

app_name = "dashboard"
urlpatterns = [
    path("", views.index, name="index"),
    path("pool", views.pool, name="pool"),
    path("usage", usagepage.page, name="usage"),
    path("usage/part", usagepage.part, name="usage_part"),
    path("usage.csv", exports.used, {"format": "csv"}, name="usage_csv"),
    path("usage.json", exports.used, {"format": "json"}, name="usage_json"),
    path("requests", requestspage.page, name="requests"),
    path("requests/part", requestspage.part, name="requests_part"),
    path("requests.csv", exports.requests, {"format": "csv"}, name="requests_csv"),
    path("requests.json", exports.requests, {"format": "json"}, name="requests_json"),
    path("connect", connectpage.page, name="connect"),
    path("me", mypage.page, name="me"),
    path("login", signin.login, name="login"),
    path("logout", signin.logout, name="logout"),
    path("api/tokens", views.tokens, name="tokens"),
    path("livez", views.livez, name="livez"),
    path("metrics", metricsview.figures, name="metrics"),
    path("readyz", views.readyz, name="readyz"),
    path("language", set_language, name="language"),
]
