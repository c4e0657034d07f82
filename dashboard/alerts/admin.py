"""Alert channels in the admin: made, tried out, switched off."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from dashboard.alerts import results
from dashboard.alerts.delivery import send
from dashboard.alerts.events import News
from dashboard.alerts.forms import ChannelForm
from dashboard.models import AlertChannel
from kiro2api import http

TEST = _("Send a test")
WEBHOOK, EMAIL = "kind == 'webhook'", "kind == 'email'"


@admin.register(AlertChannel)
@method_decorator(sensitive_post_parameters(), name="changeform_view")
class AlertChannelAdmin(ModelAdmin):  # type: ignore[misc]
    form = ChannelForm
    list_display = ("name", "where", "enabled", "last_result_told")
    search_fields = ("name", "email")
    readonly_fields = ("last_result_told",)
    fieldsets = (
        (None, {"fields": ("name", "enabled", "language")}),
        (
            _("Where it goes"),
            {"fields": ("kind", "format", "new_url", "new_secret", "email")},
        ),
        (
            _("What it tells"),
            {"fields": ("events", "recoveries", "least_accounts", "least_credits")},
        ),
        (_("How it went"), {"fields": ("last_result_told",)}),
    )
    conditional_fields = {
        "format": WEBHOOK,
        "new_url": WEBHOOK,
        "new_secret": WEBHOOK,
        "email": EMAIL,
    }
    actions_row = ("send_test",)
    actions_detail = actions_row

    def get_fieldsets(
        self, request: HttpRequest, obj: AlertChannel | None = None
    ) -> Any:
        """A new one has not told anything; who may only look has no boxes."""
        if obj is None:
            return self.fieldsets[:-1]
        if self.has_change_permission(request, obj):
            return self.fieldsets
        where = (_("Where it goes"), {"fields": ("kind", "format", "email")})
        return (self.fieldsets[0], where, *self.fieldsets[2:])

    def save_model(
        self,
        request: HttpRequest,
        obj: AlertChannel,
        form: ModelForm[AlertChannel],
        change: bool,
    ) -> None:
        if isinstance(form, ChannelForm) and change:
            obj.save(update_fields=form.changed_fields)
        else:
            obj.save()

    @admin.display(description=_("where it goes"))
    def where(self, obj: AlertChannel) -> str:
        if obj.kind == AlertChannel.Kinds.EMAIL:
            return obj.email
        return f"{obj.get_kind_display()}: {obj.get_format_display()}"

    @admin.display(description=_("last sent"), ordering="last_sent_at")
    def last_result_told(self, obj: AlertChannel) -> SafeString:
        result = obj.last_result
        look = {
            "badge": "success" if results.is_sent(result) else "danger",
            "told": results.words(result) if result else "",
            "at": obj.last_sent_at,
        }
        return render_to_string("admin/dashboard/alertchannel/result.html", look)

    @action(  # type: ignore[untyped-decorator]
        description=TEST,
        permissions=["change"],
        url_path="test",
        icon="send",
        dialog={
            "title": TEST,
            "description": _("Sends one alert now and waits for the answer."),
            "form_class": BaseDialogForm,
            "form_submit_text": TEST,
        },
    )
    def send_test(
        self, request: HttpRequest, form: Any, object_id: str
    ) -> HttpResponse:
        channel = get_object_or_404(AlertChannel, pk=object_id)
        person = request.user.pk
        assert person is not None, "the admin lets nobody else in"
        LogEntry.objects.log_actions(person, [channel], CHANGE, "sent a test")
        # Not while a transaction waits for somebody else's server.
        transaction.on_commit(lambda: _test(request, channel))
        page = reverse("admin:dashboard_alertchannel_change", args=[channel.pk])
        # The dialog's script would follow a redirect by itself, and show nothing.
        return HttpResponse(headers={"HX-Redirect": page})


def _test(request: HttpRequest, channel: AlertChannel) -> None:
    result = http.run(lambda: send(channel.pk, News("test"), timezone.now()))
    sent = results.is_sent(result)
    level = messages.SUCCESS if sent else messages.ERROR
    messages.add_message(request, level, f"{channel}: {results.words(result)}")
