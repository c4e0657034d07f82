"""What the pages of import and backup have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django_stubs_ext import StrOrPromise

LIST = "admin:accounts_account_changelist"
START = "admin:accounts_account_import_accounts"


def page(
    admin: ModelAdmin[Any],
    request: HttpRequest,
    name: str,
    title: StrOrPromise,
    **context: Any,
) -> HttpResponse:
    return TemplateResponse(
        request,
        f"admin/accounts/importing/{name}.html",
        {
            **admin.admin_site.each_context(request),
            "opts": admin.opts,
            "title": title,
            "start": reverse(START),
            "list": reverse(LIST),
            **context,
        },
    )


def person(request: HttpRequest) -> AbstractBaseUser:
    assert isinstance(request.user, AbstractBaseUser)  # admin_view saw to it
    return request.user
