"""The pages on which people keep the accounts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import ModelAdmin

from accounts import operations
from accounts.adminactions import AccountActions
from accounts.forms import SECRET_FIELDS, AddAccountForm, ChangeAccountForm
from accounts.intake import replace_login, save_new, take_in
from accounts.models import Account, AccountQuerySet
from accounts.signals import announce

BADGES = {
    Account.Status.READY: "success",
    Account.Status.EXHAUSTED: "warning",
    Account.Status.COOLING: "info",
    Account.Status.REJECTED: "danger",
    Account.Status.SUSPENDED: "danger",
    Account.Status.FORBIDDEN: "danger",
    Account.Status.DISABLED: "default",
}

SECRETS = tuple(SECRET_FIELDS)
SERVICE = ("region", "profile_arn")
STANDING = ("standing", "last_error", "last_error_at")
CREDITS = ("credits", "plan", "email", "resets_at", "usage_read_at")
MODELS = ("models_listed", "models_read_at")
USE = ("requests", "failures", "credits_spent", "last_used_at")
TOKEN = ("access_expires_at", "refreshed_at", "created_at")


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


@admin.register(Account)
@method_decorator(sensitive_post_parameters(), name="changeform_view")
class AccountAdmin(AccountActions, ModelAdmin):  # type: ignore[misc]
    list_display = (
        "account",
        "badge",
        "credits",
        "kind",
        "enabled",
        "last_used_at",
        "access_expires_at",
    )
    list_filter = (StatusFilter, "kind", "enabled")
    search_fields = ("name", "email")
    ordering = ("position", "pk")
    ordering_field = "position"
    hide_ordering_field = True
    # Dragging numbers the rows of a page from 0: all accounts stand on one.
    list_per_page = 1000
    list_fullwidth = True
    warn_unsaved_form = True

    readonly_fields = STANDING + CREDITS + MODELS + USE + TOKEN
    add_fieldsets = (
        (None, {"fields": ("name", "kind", *SECRETS)}),
        (_("Where its service is"), {"fields": SERVICE, "classes": ("collapse",)}),
    )
    fieldsets = (
        (None, {"fields": ("name", "kind", "enabled")}),
        (_("How it stands"), {"fields": STANDING}),
        (_("Credits"), {"fields": CREDITS}),
        (_("Sign-in"), {"fields": SECRETS}),
        (_("Where its service is"), {"fields": SERVICE, "classes": ("collapse",)}),
        (_("Models"), {"fields": MODELS, "classes": ("collapse",)}),
        (_("Use"), {"fields": USE}),
        (_("Access token"), {"fields": TOKEN}),
    )

    def get_form(
        self,
        request: HttpRequest,
        obj: Account | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        form = ChangeAccountForm if obj else AddAccountForm
        return super().get_form(request, obj, change=change, form=form, **kwargs)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Account | None = None
    ) -> tuple[str, ...]:
        """The kind comes with a login and changes only with it."""
        return (*self.readonly_fields, "kind") if obj else self.readonly_fields

    def get_fieldsets(self, request: HttpRequest, obj: Account | None = None) -> Any:
        """Who may only look sees no boxes for secrets: there is nothing in them."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [item for item in fieldsets if item[1]["fields"] != SECRETS]

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
            case _:  # a row of the list that was dragged
                obj.save(update_fields=form.changed_data)
                announce()

    def _add(self, request: HttpRequest, obj: Account, form: AddAccountForm) -> None:
        save_new(obj, again=True)
        further = [take_in(entry, again=True) for entry in form.entries[1:]]
        added = [obj, *(account for account in further if account)]
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
        obj.save(update_fields=[n for n in form.changed_data if n not in SECRETS])
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

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = {"title": _("Accounts, in the order of their use")}
        response: HttpResponse = super().changelist_view(
            request, title | (extra_context or {})
        )
        return response

    @admin.display(description=_("account"), ordering="name")
    def account(self, obj: Account) -> SafeString:
        return format_html(
            '<strong class="block font-normal">{}</strong>'
            '<span class="block text-base-500">{}</span>',
            obj.name,
            obj.email,
        )

    @admin.display(description=_("status"))
    def badge(self, obj: Account) -> SafeString:
        return _standing(obj, in_list=True)

    @admin.display(description=_("status"))
    def standing(self, obj: Account) -> SafeString:
        return _standing(obj, in_list=False)

    @admin.display(description=_("models"))
    def models_listed(self, obj: Account) -> str:
        return ", ".join(sorted(obj.offered_models))

    @admin.display(description=_("credits left"), ordering="available")
    def credits(self, obj: Account) -> SafeString:
        limit, available = obj.credits_limit, obj.available
        percent = None
        if limit and available is not None:
            percent = round(min(max(available / limit, 0.0), 1.0) * 100)
        context = {
            "available": None if available is None else f"{available:,.1f}",
            "limit": None if limit is None else f"{limit:,.0f}",
            "percent": percent,
        }
        return render_to_string("admin/accounts/account/credits.html", context)


def _standing(account: Account, in_list: bool) -> SafeString:
    context = {
        "account": account,
        "badge": BADGES[account.status],
        "reason": Account.Block(account.blocked_reason).label
        if account.blocked
        else "",
        # Unfold's list has one line for it on a phone.
        "line": "hidden lg:block" if in_list else "block",
    }
    return render_to_string("admin/accounts/account/standing.html", context)
