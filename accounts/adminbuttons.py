"""The buttons of the account pages, at each row and above each account. A button asks
first, so that what it changes comes by POST."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from accounts.adminactions import AccountActions
from accounts.models import Account, AccountQuerySet

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


class AccountButtons(AccountActions):
    actions_row = (
        "test_one",
        "prompt_one",
        "renew_one",
        "read_one",
        "unblock_one",
        "enable_one",
        "disable_one",
    )
    actions_detail = (
        "sign_in_again",
        "test_one",
        "prompt_one",
        {
            "title": _("More"),
            "icon": "more_horiz",
            "items": [
                "renew_one",
                "read_one",
                "unblock_one",
                "enable_one",
                "disable_one",
            ],
        },
    )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what there is to do with the account as it stands."""
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        account = self.get_object(request, str(object_id))
        if account is None:
            return allowed
        idle = {
            "renew_one": account.kind == Account.Kinds.API_KEY,
            "unblock_one": not account.blocked,
            "enable_one": account.enabled,
            "disable_one": not account.enabled,
        }
        return [action for action in allowed if not idle.get(action.method.__name__)]

    def has_choice_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.view_poolsettings")

    @action(  # type: ignore[untyped-decorator]
        description=_("Choice of accounts"),
        permissions=["choice"],
        url_path="choice",
        icon="alt_route",
    )
    def choice(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:accounts_poolsettings_changelist")

    @button(_("Test"), "network_check", "test")
    def test_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        self.test_accounts(request, _one(object_id))
        return _back(request)

    @action(  # type: ignore[untyped-decorator]
        description=_("Send a test prompt"),
        permissions=["change"],
        url_path="try",
        icon="forum",
    )
    def prompt_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect("account_prompt", object_id)

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

    @button(_("Enable"), "toggle_on", "enable", _("It is used again at once."))
    def enable_one(
        self, request: HttpRequest, form: Any, object_id: str
    ) -> HttpResponse:
        self.enable_accounts(request, _one(object_id))
        return _back(request)

    @button(_("Disable"), "toggle_off", "disable", _("No more requests go to it."))
    def disable_one(
        self, request: HttpRequest, form: Any, object_id: str
    ) -> HttpResponse:
        self.disable_accounts(request, _one(object_id))
        return _back(request)


def _one(object_id: str) -> AccountQuerySet:
    return Account.objects.filter(pk=object_id)


def _back(request: HttpRequest) -> HttpResponse:
    """To the page the dialog was opened on: htmx names it, and follows this header."""
    page = request.headers.get("HX-Current-URL", "")
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}):
        page = reverse("admin:accounts_account_changelist")
    return HttpResponse(headers={"HX-Redirect": page})
