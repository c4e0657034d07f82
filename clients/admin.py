"""Client keys in the admin: made here, shown once, limited, rotated, switched off."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import OuterRef, QuerySet, Subquery
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from clients import keys, periods
from clients.forms import KeyForm
from clients.models import ApiKey, KeyUse

Period = KeyUse.Period

ROTATE = _("Rotate")
QUOTAS = (
    "credits_per_day",
    "credits_per_month",
    "tokens_per_day",
    "tokens_per_month",
)
USED = ("credits_today", "credits_this_month", "tokens_today", "tokens_this_month")
STANDING = ("prefix", "previous_prefix", "previous_until", "last_used_at", "created_at")


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):  # type: ignore[misc]
    form = KeyForm
    list_display = (
        "name",
        "prefix",
        "owner",
        "enabled",
        "credits_today",
        "credits_this_month",
        "expires_at",
        "last_used_at",
    )
    list_filter = ("enabled", "owner")
    list_select_related = ("owner",)
    search_fields = ("name", "prefix", "owner__username")
    readonly_fields = USED + STANDING
    add_fieldsets = (
        (None, {"fields": ("name", "owner", "expires_at")}),
        (_("What it may use"), {"fields": ("allowed_models", "account_group")}),
        (
            _("Limits"),
            {"fields": (*QUOTAS, "requests_per_minute", "max_concurrent")},
        ),
    )
    fieldsets = (
        (None, {"fields": ("name", "owner", "enabled", "expires_at")}),
        *add_fieldsets[1:],
        (_("Used"), {"fields": USED}),
        (_("The key"), {"fields": STANDING}),
    )
    actions_row = ("rotate_one",)
    actions_detail = actions_row

    def get_fieldsets(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return self.fieldsets if obj else self.add_fieldsets

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        now = timezone.now()
        rows: QuerySet[ApiKey] = super().get_queryset(request)
        return rows.annotate(
            day_credits=_used("credits", Period.DAY, periods.day_of(now)),
            day_tokens=_used("tokens", Period.DAY, periods.day_of(now)),
            month_credits=_used("credits", Period.MONTH, periods.month_of(now)),
            month_tokens=_used("tokens", Period.MONTH, periods.month_of(now)),
        )

    @admin.display(description=_("credits today"))
    def credits_today(self, obj: Any) -> SafeString:
        return _bar(obj.day_credits, obj.credits_per_day)

    @admin.display(description=_("credits this month"))
    def credits_this_month(self, obj: Any) -> SafeString:
        return _bar(obj.month_credits, obj.credits_per_month)

    @admin.display(description=_("tokens today"))
    def tokens_today(self, obj: Any) -> SafeString:
        return _bar(obj.day_tokens, obj.tokens_per_day)

    @admin.display(description=_("tokens this month"))
    def tokens_this_month(self, obj: Any) -> SafeString:
        return _bar(obj.month_tokens, obj.tokens_per_month)

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
            _show(request, key)
        keys.forget()

    def delete_model(self, request: HttpRequest, obj: ApiKey) -> None:
        super().delete_model(request, obj)
        keys.forget()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        super().delete_queryset(request, queryset)
        keys.forget()

    @action(  # type: ignore[untyped-decorator]
        description=ROTATE,
        permissions=["change"],
        url_path="rotate",
        icon="autorenew",
        dialog={
            "title": ROTATE,
            "description": _(
                "Makes a new key, which is shown once. The one before works for a "
                "day more; the one before that ends now."
            ),
            "form_class": BaseDialogForm,
            "form_submit_text": ROTATE,
        },
    )
    def rotate_one(
        self, request: HttpRequest, form: Any, object_id: str
    ) -> HttpResponse:
        row = get_object_or_404(ApiKey, pk=object_id)
        _show(request, row.rotate())
        keys.forget()
        assert request.user.pk is not None, "the admin lets nobody else in"
        rows = ApiKey.objects.filter(pk=row.pk)
        LogEntry.objects.log_actions(request.user.pk, rows, CHANGE, "rotated")
        # The dialog's script follows this header; a redirect it would follow unseen.
        page = reverse("admin:clients_apikey_change", args=[row.pk])
        return HttpResponse(headers={"HX-Redirect": page})


def _show(request: HttpRequest, key: str) -> None:
    told = _now("Copy the key now, it cannot be shown again:")
    messages.success(request, format_html("{} <code>{}</code>", told, key))


def _used(column: str, period: KeyUse.Period, start: Any) -> Subquery:
    of_key = KeyUse.objects.filter(key=OuterRef("pk"), period=period, start=start)
    return Subquery(of_key.values(column)[:1])


def _bar(used: Decimal | int | None, limit: Decimal | int | None) -> SafeString:
    used = used or 0
    percent = None
    if limit is not None:
        percent = min(round(100 * used / limit), 100) if limit else 100
    return render_to_string(
        "admin/clients/apikey/used.html",
        {"used": _figure(used), "limit": _figure(limit), "percent": percent},
    )


def _figure(amount: Decimal | int | None) -> str | None:
    if isinstance(amount, Decimal):
        return f"{amount.quantize(Decimal('0.01')):,}"
    return None if amount is None else f"{amount:,}"
