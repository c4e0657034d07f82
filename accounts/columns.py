"""What the list of accounts and the page of one show that is no plain field."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts import creditbars
from accounts.models import Account
from accounts.standing import ago, standing_in_list, standing_on_page


class AccountColumns:
    @admin.display(description=_("account"), ordering="name")
    def account(self, obj: Account) -> SafeString:
        return format_html(
            '<strong class="block font-normal">{}</strong>'
            '<span class="block text-base-500">{}</span>',
            obj.name,
            obj.email,
        )

    @admin.display(description=_("status"))
    def status(self, obj: Account) -> SafeString:
        return standing_in_list(obj)

    @admin.display(description=_("credits left"), ordering="available")
    def credits(self, obj: Account) -> SafeString:
        return creditbars.credit_bar(obj)

    @admin.display(description=_("kind"), ordering="kind")
    def kind_and_groups(self, obj: Account) -> SafeString:
        return format_html(
            '{}<span class="block text-base-500 text-xs">{}</span>',
            obj.get_kind_display(),
            ", ".join(group.name for group in obj.groups.all()),
        )

    @admin.display(description=_("last used"), ordering="last_used_at")
    def last_used(self, obj: Account) -> SafeString:
        return ago(obj.last_used_at)

    @admin.display(description=_("status"))
    def standing(self, obj: Account) -> SafeString:
        return standing_on_page(obj)

    @admin.display(description=_("last error"))
    def trouble(self, obj: Account) -> SafeString | str:
        if not obj.last_error:
            return ""
        when = ago(obj.last_error_at)
        return format_html("{} <span>({})</span>", obj.last_error, when)

    @admin.display(description=_("where they come from"))
    def sources(self, obj: Account) -> SafeString:
        return creditbars.credit_table(obj)

    @admin.display(description=_("usage read"))
    def usage_read(self, obj: Account) -> SafeString:
        return ago(obj.usage_read_at)

    @admin.display(description=_("models read"))
    def models_read(self, obj: Account) -> SafeString:
        return ago(obj.models_read_at)

    @admin.display(description=_("models served"))
    def models_served(self, obj: Account) -> str:
        return ", ".join(sorted(obj.served_models)) or str(_("all"))
