"""Bulk actions of the list of accounts. They stand in the log of who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import operations
from accounts.blocking import enable, unblock
from accounts.models import Account, AccountQuerySet
from accounts.ordering import to_end, to_front
from accounts.signals import announce

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Account]
else:
    Base = object


class AccountActions(Base):
    actions = (
        "test_accounts",
        "prompt_accounts",
        "renew_tokens",
        "read_credits",
        "unblock_accounts",
        "enable_accounts",
        "disable_accounts",
        "accounts_to_front",
        "accounts_to_end",
    )

    @admin.action(description=_("Test"), permissions=["change"])
    def test_accounts(self, request: HttpRequest, queryset: AccountQuerySet) -> None:
        record(request, queryset, "tested")
        operations.ask_after_commit(request, list(queryset), operations.test)

    @admin.action(description=_("Renew token now"), permissions=["change"])
    def renew_tokens(self, request: HttpRequest, queryset: AccountQuerySet) -> None:
        record(request, queryset, "renewed the token")
        operations.ask_after_commit(request, list(queryset), operations.renew_token)

    @admin.action(description=_("Read credits now"), permissions=["change"])
    def read_credits(self, request: HttpRequest, queryset: AccountQuerySet) -> None:
        record(request, queryset, "read the credits")
        operations.ask_after_commit(request, list(queryset), operations.read_credits)

    @admin.action(description=_("Unblock"), permissions=["change"])
    def unblock_accounts(self, request: HttpRequest, queryset: AccountQuerySet) -> None:
        record(request, queryset, "unblocked")
        count = unblock(queryset)
        told = ngettext(
            "%(count)s account unblocked.", "%(count)s accounts unblocked.", count
        )
        _tell(request, told, count)

    @admin.action(description=_("Enable"), permissions=["change"])
    def enable_accounts(self, request: HttpRequest, queryset: AccountQuerySet) -> None:
        record(request, queryset, "enabled")
        count = enable(queryset)
        told = ngettext(
            "%(count)s account enabled.", "%(count)s accounts enabled.", count
        )
        _tell(request, told, count)

    @admin.action(description=_("Disable"), permissions=["change"])
    def disable_accounts(self, request: HttpRequest, queryset: AccountQuerySet) -> None:
        record(request, queryset, "disabled")
        count = enable(queryset, False)
        told = ngettext(
            "%(count)s account disabled.", "%(count)s accounts disabled.", count
        )
        _tell(request, told, count)

    @admin.action(description=_("Send a test prompt"), permissions=["change"])
    def prompt_accounts(
        self, request: HttpRequest, queryset: AccountQuerySet
    ) -> HttpResponse:
        chosen = [("account", pk) for pk in queryset.values_list("pk", flat=True)]
        return redirect(f"{reverse('account_prompts')}?{urlencode(chosen)}")

    @admin.action(description=_("Use them first"), permissions=["change"])
    def accounts_to_front(
        self, request: HttpRequest, queryset: AccountQuerySet
    ) -> None:
        to_front(queryset)
        messages.success(request, _("They are used before all others now."))

    @admin.action(description=_("Use them last"), permissions=["change"])
    def accounts_to_end(self, request: HttpRequest, queryset: AccountQuerySet) -> None:
        to_end(queryset)
        messages.success(request, _("They are used after all others now."))


def record(request: HttpRequest, accounts: AccountQuerySet, deed: str) -> None:
    """In the log of who did what; in English, as whoever reads it may have another
    language than whoever did it."""
    person = request.user.pk
    assert person is not None, "the admin lets nobody else in"
    LogEntry.objects.log_actions(person, accounts, CHANGE, deed)


def _tell(request: HttpRequest, told: str, count: int) -> None:
    announce()
    level = messages.SUCCESS if count else messages.INFO
    messages.add_message(request, level, told % {"count": count})
