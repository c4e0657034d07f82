"""The route table of the whole program."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("v1/", include("proxy.urls")),
    path("", include("dashboard.urls")),
]
