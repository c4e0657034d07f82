"""Client keys in the admin: made here, shown once, switched off here."""

from __future__ import annotations

from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from clients import keys
from clients.models import ApiKey


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("name", "prefix", "enabled", "created_at")
    list_filter = ("enabled",)
    search_fields = ("name", "prefix")
    fields = ("name", "enabled", "prefix", "created_at")
    readonly_fields = ("prefix", "created_at")

    def save_model(
        self,
        request: HttpRequest,
        obj: ApiKey,
        form: ModelForm[ApiKey],
        change: bool,
    ) -> None:
        if change:
            obj.save(update_fields=form.changed_data)
        else:
            key = obj.make_key()
            obj.save()
            messages.success(
                request,
                format_html(
                    "{} <code>{}</code>",
                    _("Copy the key now, it cannot be shown again:"),
                    key,
                ),
            )
        keys.forget()

    def delete_model(self, request: HttpRequest, obj: ApiKey) -> None:
        super().delete_model(request, obj)
        keys.forget()
