"""How the pool chooses, in the admin: the strategy, and groups of accounts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import VERTICAL
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from accounts import strategy
from accounts.models import AccountGroup, PoolSettings
from accounts.signals import announce


@admin.register(PoolSettings)
class PoolSettingsAdmin(ModelAdmin):  # type: ignore[misc]
    """One row: its list is its page."""

    radio_fields = {"strategy": VERTICAL}
    fieldsets = (
        (
            None,
            {
                "fields": ("strategy",),
                "description": _(
                    "It holds from the next requests on. Whichever it is, a "
                    "conversation stays with its account while that can serve it, and "
                    "a new account gets its first requests one after the other."
                ),
            },
        ),
    )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row, _made = PoolSettings.objects.get_or_create(pk=1)
        page = "admin:accounts_poolsettings_change"
        return HttpResponseRedirect(reverse(page, args=[row.pk]))

    def save_model(
        self,
        request: HttpRequest,
        obj: PoolSettings,
        form: ModelForm[PoolSettings],
        change: bool,
    ) -> None:
        super().save_model(request, obj, form, change)
        strategy.forget()
        announce()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: PoolSettings | None = None
    ) -> bool:
        return False


@admin.register(AccountGroup)
class AccountGroupAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("name", "size")
    search_fields = ("name",)
    fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccountGroup]:
        groups: QuerySet[AccountGroup] = super().get_queryset(request)
        return groups.annotate(size=Count("accounts"))

    @admin.display(description=_("accounts"), ordering="size")
    def size(self, group: AccountGroup) -> int:
        size: int = group.size  # type: ignore[attr-defined]
        return size
