"""What a person chooses before a sign-in, and the address brought back from one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.regions import DEFAULT_REGION
from accounts.signin.social import LONGEST_ADDRESS
from accounts.validators import validate_region

# name, icon, title, what it is for
WAYS = (
    ("builder_id", "badge", _("AWS Builder ID"), _("A person's own, free or paid")),
    ("idc", "apartment", _("Organisation"), _("IAM Identity Center, by its start URL")),
    ("google", "mail", _("Google"), _("With a Google account")),
    ("github", "code", _("GitHub"), _("With a GitHub account")),
)
# Offered for when the way by code does not work.
PASTE = ("paste", _("Google or GitHub, by pasting an address"))


class StartForm(forms.Form):
    way = forms.ChoiceField(
        choices=[*((name, title) for name, _icon, title, _for in WAYS), PASTE],
        initial="builder_id",
    )
    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        required=False,
        help_text=_("How the account is called here. Empty: it gets a number."),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    start_url = forms.CharField(
        label=_("Start URL"),
        max_length=200,
        required=False,
        help_text=_("From whoever runs the organisation's AWS sign-in."),
        widget=UnfoldAdminTextInputWidget(
            attrs={"placeholder": "https://example.awsapps.com/start"}
        ),
    )
    region = forms.CharField(
        label=_("Region"),
        max_length=30,
        required=False,
        help_text=_("Where the organisation's sign-in is, such as us-east-1."),
        widget=UnfoldAdminTextInputWidget(),
    )

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("way") == "idc":
            self._clean_organisation(cleaned)
        return cleaned

    def _clean_organisation(self, cleaned: dict[str, Any]) -> None:
        cleaned["region"] = cleaned.get("region", "").lower() or DEFAULT_REGION
        try:
            cleaned["start_url"] = start_url(cleaned.get("start_url", ""))
        except ValidationError as error:
            self.add_error("start_url", error)
        try:
            validate_region(cleaned["region"])
        except ValidationError as error:
            self.add_error("region", error)


def start_url(text: str) -> str:
    """Without what browsers put behind it: "https://example.awsapps.com/start/#/"."""
    text = text.strip().partition("#")[0].rstrip("/")
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        host = None
    plain = text.isascii() and text.isprintable() and " " not in text
    if not host or parts.scheme != "https" or "@" in parts.netloc or not plain:
        raise ValidationError(
            gettext("This is not a start URL. One looks like: %(example)s")
            % {"example": "https://example.awsapps.com/start"}
        )
    return text


class PasteForm(forms.Form):
    address = forms.CharField(
        label=_("Address"),
        max_length=LONGEST_ADDRESS,
        widget=UnfoldAdminTextInputWidget(
            attrs={
                "autocomplete": "off",
                "spellcheck": "false",
                "placeholder": "http://localhost:3128/…",
            }
        ),
    )
