"""Alert channels as a person writes them down. Secrets go in and never come out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminPasswordWidget,
)

from dashboard.models import AlertChannel
from kiro2api.environment import LOOPBACK_HOSTS

URL_MOST = 2000
SECRET_MOST = 200
NO_SECRET = "none"

SIGNED = _(
    "With one each request has X-Kiro2api-Signature: sha256= and the HMAC-SHA256 of "
    "X-Kiro2api-Timestamp, a dot and the body."
)
Kinds, Events = AlertChannel.Kinds, AlertChannel.Events


def _secret_box(label: Any, most: int, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=False,
        max_length=most,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]
    new_url = _secret_box(_("Webhook address"), URL_MOST)
    new_secret = _secret_box(_("Webhook secret"), SECRET_MOST, SIGNED)
    events = forms.MultipleChoiceField(
        label=_("Tells when"),
        choices=Events.choices,
        initial=Events.values,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = AlertChannel
        fields = (
            "name",
            "kind",
            "format",
            "email",
            "language",
            "events",
            "recoveries",
            "least_accounts",
            "least_credits",
            "enabled",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._url_is_set = self._is_set("url")
        if self._url_is_set:
            self.fields["new_url"].help_text = _("It is set. Leave empty to keep it.")
        if self._is_set("secret"):
            kept = _('It is set. Leave empty to keep it; the word "none" removes it.')
            self.fields["new_secret"].help_text = format_lazy("{} {}", kept, SIGNED)

    def _is_set(self, secret: str) -> bool:
        row = AlertChannel.objects.filter(pk=self.instance.pk)
        return row.exclude(**{secret: ""}).exists()

    def clean_new_url(self) -> str:
        url: str = self.cleaned_data["new_url"]
        if url and not _is_webhook(url):
            raise forms.ValidationError(_("This is not an https address."))
        return url

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        match cleaned.get("kind"):
            case Kinds.WEBHOOK if "new_url" in cleaned:
                if not (cleaned["new_url"] or self._url_is_set):
                    self.add_error("new_url", gettext("A webhook needs its address."))
            case Kinds.EMAIL if "email" in cleaned:
                self._check_email(cleaned["email"])
        thresholds = ("least_accounts", "least_credits")
        has_threshold = any(cleaned.get(name) is not None for name in thresholds)
        if Events.POOL_LOW in cleaned.get("events", ()) and not has_threshold:
            told = gettext("Say below which number the pool is low, or untick that.")
            self.add_error("least_accounts", told)
        return cleaned

    def _check_email(self, address: str) -> None:
        if not address:
            self.add_error("email", gettext("E-mail needs an address."))
        elif not settings.ALERT_FROM:
            self.add_error("email", gettext("Set EMAIL_URL first, in the environment."))

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if url := self.cleaned_data.get("new_url"):
            self.instance.url = url
        if secret := self.cleaned_data.get("new_secret"):
            self.instance.secret = "" if secret == NO_SECRET else secret

    @property
    def changed_fields(self) -> list[str]:
        """What the row's save writes: others note there how the last alert went."""
        return [name.removeprefix("new_") for name in self.changed_data]


def _is_webhook(url: str) -> bool:
    """https, or this machine: what it says of accounts and keys is nobody else's."""
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        return False
    plain_local = parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS
    printable = url.isascii() and url.isprintable() and " " not in url
    return (
        printable and bool(parts.hostname) and (parts.scheme == "https" or plain_local)
    )
