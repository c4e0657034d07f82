"""The pages on which people keep the accounts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ORDER_VAR
from django.core.exceptions import BadRequest, PermissionDenied
from django.forms import ModelForm, Script
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import ModelAdmin

from accounts import (
    operations,
    ordering,
    pooladmin,  # noqa: F401  (registers its own pages)
)
from accounts.adminbuttons import AccountButtons
from accounts.blocking import enable
from accounts.columns import AccountColumns
from accounts.fieldsets import ADD, READ_ONLY, fieldsets_of
from accounts.filters import StatusFilter
from accounts.forms import AddAccountForm, ChangeAccountForm
from accounts.importing.admin import ImportPages
from accounts.importing.backup_page import BackupPage
from accounts.intake import replace_login, save_new, take_in
from accounts.models import Account, PoolSettings
from accounts.signals import announce
from accounts.signin.admin import SignInPages


@admin.register(Account)
@method_decorator(sensitive_post_parameters(), name="changeform_view")
class AccountAdmin(
    AccountButtons,
    AccountColumns,
    SignInPages,
    ImportPages,
    BackupPage,
    ModelAdmin,  # type: ignore[misc]
):
    list_display = ("account", "status", "credits", "kind_and_groups", "last_used")
    list_filter = (StatusFilter, "kind", "groups", "enabled")
    search_fields = ("name", "email")
    ordering = ("position", "pk")
    ordering_field = "position"
    hide_ordering_field = True
    list_per_page = 50
    list_fullwidth = True
    list_before_template = "admin/accounts/account/above_list.html"
    warn_unsaved_form = True
    actions_list = ("sign_in", "import_accounts", "back_up", "choice")

    readonly_fields = READ_ONLY
    add_fieldsets = ADD

    class Media:
        css = {"all": ["accounts/accounts.css"]}
        js = [
            Script("accounts/order.js", defer=True),
            Script("accounts/kinds.js", defer=True),
        ]

    def get_form(
        self,
        request: HttpRequest,
        obj: Account | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        if obj is None:
            kwargs["form"] = AddAccountForm
        elif self.has_change_permission(request, obj):
            kwargs["form"] = ChangeAccountForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Account | None = None
    ) -> tuple[str, ...]:
        """The kind comes with a login and changes only with it."""
        return (*self.readonly_fields, "kind") if obj else self.readonly_fields

    def get_fieldsets(self, request: HttpRequest, obj: Account | None = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        return fieldsets_of(obj, may_change=self.has_change_permission(request, obj))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method == "POST" and "order" in request.POST:
            return self._arrange(request)
        context = {
            "title": _("Accounts, in the order of their use"),
            "strategy": PoolSettings.objects.first(),
            "may_drag": self.has_change_permission(request)
            and ORDER_VAR not in request.GET,
        }
        response: HttpResponse = super().changelist_view(
            request, context | (extra_context or {})
        )
        return response

    def _arrange(self, request: HttpRequest) -> HttpResponse:
        """The rows of the list were dragged; it says where they are now."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        try:
            ordering.arrange([int(pk) for pk in request.POST.getlist("order")])
        except (ValueError, OverflowError) as error:
            raise BadRequest("these are not accounts") from error
        return HttpResponse(status=204)

    def save_model(
        self,
        request: HttpRequest,
        obj: Account,
        form: ModelForm[Account],
        change: bool,
    ) -> None:
        match form:
            case AddAccountForm():
                self._add(request, obj, form)
            case ChangeAccountForm():
                self._change(request, obj, form)
            case _:
                raise BadRequest("the order of the list comes in another way")

    def _add(self, request: HttpRequest, obj: Account, form: AddAccountForm) -> None:
        save_new(obj, again=True)
        further = [take_in(entry, again=True) for entry in form.entries[1:]]
        added = [obj, *(account for account in further if account)]
        for account in added:
            account.groups.set(form.cleaned_data["groups"])
        if len(added) > 1:
            told = ngettext(
                "%(count)s account added.", "%(count)s accounts added.", len(added)
            )
            messages.info(request, told % {"count": len(added)})
        operations.ask_after_commit(request, added, operations.test)

    def _change(
        self, request: HttpRequest, obj: Account, form: ChangeAccountForm
    ) -> None:
        # Counters and tokens are written by others meanwhile: only what was changed.
        changed = form.changed_fields
        if "enabled" in changed:
            enable(Account.objects.filter(pk=obj.pk), obj.enabled)
        obj.save(update_fields=[name for name in changed if name != "enabled"])
        if changes := form.login_changes:
            replace_login(obj.pk, changes)
            operations.ask_after_commit(request, [obj], operations.test)
        announce()

    def delete_model(self, request: HttpRequest, obj: Account) -> None:
        super().delete_model(request, obj)
        announce()

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        super().delete_queryset(request, queryset)
        announce()
