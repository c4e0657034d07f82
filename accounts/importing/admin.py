"""The pages that bring accounts in from files."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from unfold.decorators import action

from accounts import operations
from accounts.importing import upload, words
from accounts.importing.forms import ImportForm
from accounts.importing.pages import LIST, START, page, person
from accounts.importing.plan import Fate, Plan, Written, carry_out, make_plan

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    from accounts.models import Account

    Base = ModelAdmin[Account]
else:
    Base = object

DRY_RUN = "admin:accounts_account_dry_run"

# Three calls each; who imports more tests the others from the list.
MOST_TESTED = 40
MOST_LINES = 500
FIRST_FAULTS = 20

BADGES = {
    Fate.NEW: "success",
    Fate.REPLACED: "warning",
    Fate.KNOWN: "default",
    Fate.REPEATED: "default",
    Fate.FAULT: "danger",
}


class ImportPages(Base):
    """For AccountAdmin: "Import" above the list, a form and its dry run."""

    def get_urls(self) -> list[URLPattern]:
        look = self.admin_site.admin_view(self.dry_run)
        name = DRY_RUN.removeprefix("admin:")
        return [path("import/<uuid:upload_id>/", look, name=name), *super().get_urls()]

    def has_import_permission(self, request: HttpRequest) -> bool:
        """It adds accounts, and may bring known ones another login."""
        may_add = self.has_add_permission(request)
        return may_add and self.has_change_permission(request)

    @action(  # type: ignore[untyped-decorator]
        description=_("Import"),
        permissions=["import"],
        url_path="import",
        icon="upload_file",
    )
    @method_decorator(sensitive_post_parameters())
    def import_accounts(self, request: HttpRequest) -> HttpResponseBase:
        form = ImportForm(request.POST or None, request.FILES or None)
        if not form.is_valid():
            return page(self, request, "start", _("Import accounts"), form=form)
        replace: bool = form.cleaned_data["replace"]
        sources = form.sources
        plan = make_plan(sources, replace=replace)
        if words.refusal(plan):
            return self._show(request, plan)
        address = reverse(DRY_RUN, args=[upload.keep(person(request), sources)])
        return redirect(f"{address}?replace=1" if replace else address)

    def dry_run(self, request: HttpRequest, upload_id: UUID) -> HttpResponseBase:
        if not self.has_import_permission(request):
            raise PermissionDenied
        if request.method == "POST" and "cancel" in request.POST:
            upload.forget(person(request), upload_id)
            return redirect(LIST)
        if request.method == "POST":
            return self._import(request, upload_id)
        sources = upload.look(person(request), upload_id)
        if sources is None:
            return _gone(request)
        plan = make_plan(sources, replace=_replaces(request))
        return self._show(request, plan, waiting=True)

    def _import(self, request: HttpRequest, upload_id: UUID) -> HttpResponseBase:
        with transaction.atomic():
            sources = upload.look(person(request), upload_id)
            if sources is None or not upload.forget(person(request), upload_id):
                return _gone(request)
            written = carry_out(make_plan(sources, replace=_replaces(request)))
            self._log(request, written)
            messages.success(request, words.outcome(written))
            if "test" in request.POST:
                tested = [*written.added, *written.replaced][:MOST_TESTED]
                operations.ask_after_commit(request, tested, operations.test)
        return redirect(LIST)

    def _log(self, request: HttpRequest, written: Written) -> None:
        for account in written.added:
            self.log_addition(request, account, gettext("Imported."))
        for account in written.replaced:
            self.log_change(request, account, gettext("Replaced by an import."))

    def _show(
        self, request: HttpRequest, plan: Plan, *, waiting: bool = False
    ) -> HttpResponse:
        """A plan with nothing to do names its first faults, and no more."""
        refusal = words.refusal(plan)
        shown = plan.lines[:FIRST_FAULTS] if refusal else plan.lines[:MOST_LINES]
        return page(
            self,
            request,
            "dry_run",
            _("Import accounts: dry run"),
            lines=[(words.row(line), BADGES[line.fate]) for line in shown],
            unshown=len(plan.lines) - len(shown),
            counts=words.counts(plan),
            refusal=refusal,
            changes=len(plan.changes),
            waiting=waiting,
            minutes=upload.KEPT.seconds // 60,
            most_tested=MOST_TESTED,
        )


def _replaces(request: HttpRequest) -> bool:
    return "replace" in request.GET


def _gone(request: HttpRequest) -> HttpResponse:
    told = gettext(
        "The upload is gone: it is kept for %(minutes)s minutes and used once. "
        "Please upload it again."
    )
    messages.error(request, told % {"minutes": upload.KEPT.seconds // 60})
    return redirect(START)
