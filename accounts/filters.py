"""How the list of accounts is narrowed down."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, AccountQuerySet


class StatusFilter(admin.SimpleListFilter):
    title = _("status")
    parameter_name = "status"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, Any]]:
        return list(Account.Status.choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> AccountQuerySet:
        accounts: AccountQuerySet = queryset
        if self.value() in Account.Status.values:
            return accounts.with_status(str(self.value()), timezone.now())
        return accounts
