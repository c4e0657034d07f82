"""The page that takes a backup out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from accounts import backup
from accounts.importing.pages import LIST, page, person
from accounts.models import Account

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Base = ModelAdmin[Account]
else:
    Base = object


class BackupPage(Base):
    """For AccountAdmin: "Backup" above the list. It says what is in it, and for what
    the keys are needed; the file comes by POST."""

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.export_account")

    @action(  # type: ignore[untyped-decorator]
        description=_("Backup"),
        permissions=["export"],
        url_path="backup",
        icon="download",
    )
    def back_up(self, request: HttpRequest) -> HttpResponseBase:
        if request.method != "POST":
            count = Account.objects.count()
            return page(self, request, "backup", _("Backup"), count=count)
        try:
            content, count = backup.make()
        except backup.NotMade as error:
            told = gettext("No encryption key opens the secrets of: %(names)s.")
            messages.error(request, told % {"names": ", ".join(error.accounts)})
            return redirect(LIST)
        told = ngettext(
            "Backup of %(count)s account downloaded.",
            "Backup of %(count)s accounts downloaded.",
            count,
        )
        LogEntry.objects.create(
            user_id=person(request).pk,
            content_type=get_content_type_for_model(Account),
            object_repr=gettext("Backup"),
            action_flag=CHANGE,
            change_message=told % {"count": count},
        )
        name = f"kiro2api-{timezone.localtime():%Y-%m-%d-%H%M}.backup"
        return HttpResponse(
            content,
            content_type="application/octet-stream",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
