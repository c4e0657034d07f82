"""The pages a person sees."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
