"""The route table of the whole program."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from dashboard.promptpage import prompt_page, prompts_page

urlpatterns = [
    path(
        "admin/accounts/account/<int:account_id>/prompt/",
        admin.site.admin_view(prompt_page),
        name="account_prompt",
    ),
    path(
        "admin/accounts/account/prompt/",
        admin.site.admin_view(prompts_page),
        name="account_prompts",
    ),
    path("admin/", admin.site.urls),
    path("v1/", include("proxy.urls")),
    path("", include("dashboard.urls")),
]
