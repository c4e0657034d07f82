"""The admin's page on which a person sends a test prompt by one account, or by each
of several."""

from __future__ import annotations

import asyncio
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from accounts.models import Account
from dashboard.trial import Trial, send_prompt
from kiro2api import http
from proxy.routing import served_models

QUESTION = gettext_lazy("Say hello, and which model you are.")
# Each costs credits, and all are waited for.
MOST = 20
AT_ONCE = 5


class PromptForm(forms.Form):
    model = forms.ChoiceField(
        label=gettext_lazy("Model"), widget=UnfoldAdminSelectWidget
    )
    text = forms.CharField(
        label=gettext_lazy("Prompt"),
        max_length=10_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )

    def __init__(self, *args: Any, models: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["model"].choices = [(m, m) for m in models]  # type: ignore[attr-defined]


def prompt_page(request: HttpRequest, account_id: int) -> HttpResponse:
    """Only for people of the admin; that is seen to where it has its address."""
    return _page(request, [account_id])


def prompts_page(request: HttpRequest) -> HttpResponse:
    """By several accounts, which its address names."""
    chosen = request.GET.getlist("account")[:MOST]
    return _page(request, [int(pk) for pk in chosen if pk.isascii() and pk.isdigit()])


def _page(request: HttpRequest, ids: list[int]) -> HttpResponse:
    if not request.user.has_perm("accounts.change_account"):
        raise PermissionDenied
    accounts = list(Account.objects.filter(pk__in=ids).in_order())
    if not accounts:
        raise Http404
    names = [model.name for model in http.run(served_models)]
    trials: list[tuple[Account, Trial]] = []
    if request.method == "POST":
        form = PromptForm(request.POST, models=names)
        if form.is_valid():
            _record(request, accounts)
            trials = _send(accounts, request.path, **form.cleaned_data)
    else:
        form = PromptForm(models=names, initial={"text": QUESTION})
    page = {
        **admin.site.each_context(request),
        "title": _title(accounts),
        "opts": Account._meta,
        "original": accounts[0] if len(accounts) == 1 else None,
        "accounts": accounts,
        "form": form,
        "trials": trials,
    }
    return TemplateResponse(request, "admin/accounts/account/prompt.html", page)


def _title(accounts: list[Account]) -> str:
    if len(accounts) == 1:
        return _("Test prompt by %(account)s") % {"account": accounts[0].name}
    told = ngettext(
        "Test prompt by %(count)s account",
        "Test prompt by %(count)s accounts",
        len(accounts),
    )
    return told % {"count": len(accounts)}


def _send(
    accounts: list[Account], path: str, model: str, text: str
) -> list[tuple[Account, Trial]]:
    async def by_all() -> list[Trial]:
        turn = asyncio.Semaphore(AT_ONCE)

        async def by_one(account: Account) -> Trial:
            async with turn:
                return await send_prompt(account.pk, model, text, path)

        return await asyncio.gather(*map(by_one, accounts))

    return list(zip(accounts, http.run(by_all), strict=True))


def _record(request: HttpRequest, accounts: list[Account]) -> None:
    person = request.user.pk
    assert person is not None, "the admin lets nobody else in"
    LogEntry.objects.log_actions(person, accounts, CHANGE, "sent a test prompt")
