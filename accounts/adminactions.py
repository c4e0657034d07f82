"""Bulk actions and buttons of the account pages. A button asks first, so that what it
changes comes by POST."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from accounts import operations
from accounts.blocking import unblock
from accounts.models import Account, AccountQuerySet
from accounts.signals import announce

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

ASK_SERVICE = _("This asks the service now and may take some seconds.")


Button: TypeAlias = Callable[..., HttpResponse]


def button(
    name: StrOrPromise, icon: str, path: str, told: StrOrPromise = ASK_SERVICE
) -> Callable[[Button], Button]:
    made: Callable[[Button], Button] = action(
        description=name,
        permissions=["change"],
        url_path=path,
        icon=icon,
        dialog={
            "title": name,
            "description": told,
            "form_class": BaseDialogForm,
            "form_submit_text": name,
        },
    )
    return made


class AccountActions:
    actions = (
        "test_accounts",
        "renew_tokens",
        "read_credits",
        "unblock_accounts",
        "enable_accounts",
        "disable_accounts",
    )
    actions_row = ("test_one", "renew_one", "read_one", "unblock_one")
    actions_detail = actions_row

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
        count = queryset.filter(enabled=False).update(enabled=True)
        told = ngettext(
            "%(count)s account enabled.", "%(count)s accounts enabled.", count
        )
        _tell(request, told, count)

    @admin.action(description=_("Disable"), permissions=["change"])
    def disable_accounts(self, request: HttpRequest, queryset: AccountQuerySet) -> None:
        record(request, queryset, "disabled")
        count = queryset.filter(enabled=True).update(enabled=False)
        told = ngettext(
            "%(count)s account disabled.", "%(count)s accounts disabled.", count
        )
        _tell(request, told, count)

    @button(_("Test"), "network_check", "test")
    def test_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        self.test_accounts(request, _one(object_id))
        return _back(request)

    @button(_("Renew token now"), "autorenew", "renew")
    def renew_one(
        self, request: HttpRequest, form: Any, object_id: str
    ) -> HttpResponse:
        self.renew_tokens(request, _one(object_id))
        return _back(request)

    @button(_("Read credits now"), "data_usage", "credits")
    def read_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        self.read_credits(request, _one(object_id))
        return _back(request)

    @button(_("Unblock"), "lock_open", "unblock", _("It is used again at once."))
    def unblock_one(
        self, request: HttpRequest, form: Any, object_id: str
    ) -> HttpResponse:
        self.unblock_accounts(request, _one(object_id))
        return _back(request)


def record(request: HttpRequest, accounts: AccountQuerySet, deed: str) -> None:
    """In the log of who did what; in English, as whoever reads it may have another
    language than whoever did it."""
    person = request.user.pk
    assert person is not None, "the admin lets nobody else in"
    LogEntry.objects.log_actions(person, accounts, CHANGE, deed)


def _one(object_id: str) -> AccountQuerySet:
    return Account.objects.filter(pk=object_id)


def _tell(request: HttpRequest, told: str, count: int) -> None:
    announce()
    level = messages.SUCCESS if count else messages.INFO
    messages.add_message(request, level, told % {"count": count})


def _back(request: HttpRequest) -> HttpResponse:
    """To the page the dialog was opened on: htmx names it, and follows this header."""
    page = request.headers.get("HX-Current-URL", "")
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}):
        page = reverse("admin:accounts_account_changelist")
    return HttpResponse(headers={"HX-Redirect": page})
