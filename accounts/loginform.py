"""The boxes for a login, and what may be pasted into them. Secrets go in and never
come out again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts.entries import NO_PROXY
from accounts.importers import Entry, NotJson, read_entries
from accounts.intake import owner_of
from accounts.models import Account
from accounts.validators import validate_proxy_url

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Form field -> model field. The names differ, so that no form reads a secret.
SECRET_FIELDS = {
    "new_refresh_token": "refresh_token",
    "new_client_id": "client_id",
    "new_client_secret": "client_secret",
    "new_api_key": "api_key",
    "new_proxy_url": "proxy_url",
}
LOGIN_BOXES = tuple(box for box in SECRET_FIELDS if box != "new_proxy_url")

_TOKEN = ("new_refresh_token",)
_TOKEN_OF_CLIENT = (*_TOKEN, "new_client_id", "new_client_secret")
BOXES_OF_KIND: dict[str, tuple[str, ...]] = {
    Account.Kinds.SOCIAL: _TOKEN,
    Account.Kinds.IDC: _TOKEN_OF_CLIENT,
    Account.Kinds.BUILDER_ID: _TOKEN_OF_CLIENT,
    Account.Kinds.API_KEY: ("new_api_key",),
    Account.Kinds.EXTERNAL_IDP: _TOKEN_OF_CLIENT,
}

TOKEN_HELP = _(
    "The refresh token itself, the content of the IDE's kiro-auth-token.json (for IdC "
    "with its registration file pasted behind it), or kiro2api's JSON."
)
PROXY_HELP = _(
    "All calls for this account go through it, and no others: http://, https:// or "
    "socks5://, with user and password if any."
)


def secret_box(label: StrOrPromise, help_text: StrOrPromise = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=False,
        max_length=200_000,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )


class LoginForm(forms.ModelForm):  # type: ignore[type-arg]
    """What adding and changing an account have in common."""

    new_refresh_token = secret_box(_("Refresh token"), TOKEN_HELP)
    new_client_id = secret_box(_("Client id"))
    new_client_secret = secret_box(_("Client secret"))
    new_api_key = secret_box(_("API key"), _("It begins with ksk_."))
    new_proxy_url = secret_box(_("Outbound proxy"), PROXY_HELP)

    entries: list[Entry]
    """The logins that were typed or pasted; none: the boxes were left empty."""

    def clean(self) -> dict[str, Any]:
        super().clean()
        self.entries = self._read_boxes() if not self.errors else []
        for entry in self.entries:
            owner = owner_of(entry.secret)
            if owner is not None and owner.pk != self.instance.pk:
                told = gettext("The account %(name)s came in with this refresh token.")
                self.refuse(told % {"name": owner.name})
        return self.cleaned_data

    def clean_new_proxy_url(self) -> str:
        url: str = self.cleaned_data["new_proxy_url"]
        if url and url != NO_PROXY:
            validate_proxy_url(url)
        return url

    def refuse(self, why: str) -> None:
        """Said at the box that was typed into."""
        typed = self.cleaned_data
        key_alone = typed.get("new_api_key") and not typed.get("new_refresh_token")
        kind = typed.get("kind") or self.instance.kind
        at_key = key_alone or kind == Account.Kinds.API_KEY
        self.add_error("new_api_key" if at_key else "new_refresh_token", why)

    def _read_boxes(self) -> list[Entry]:
        typed = {box: self.cleaned_data[box] for box in LOGIN_BOXES}
        token, api_key = typed["new_refresh_token"], typed["new_api_key"]
        if not (token or api_key):
            if any(typed.values()):
                self.refuse(gettext("A new client needs its own refresh token."))
            return []
        if token and api_key:
            self.refuse(gettext("Either a refresh token or an API key, not both."))
            return []
        text = token if token.startswith(("[", "{")) else self._as_json()
        try:
            found = read_entries(text)
        except NotJson as error:
            self.refuse(gettext("This is not JSON: %(fault)s.") % {"fault": error})
            return []
        for fault in found.faults:
            place = f"{fault.index}: " if len(found.faults) > 1 else ""
            self.refuse(place + gettext(fault.fault))
        if not found.entries and not found.faults:
            self.refuse(gettext("There is no account in it."))
        return found.entries

    def _as_json(self) -> str:
        """Typed values take the way of pasted ones, and its checks."""
        api_key = self.cleaned_data["new_api_key"]
        kind = self.cleaned_data.get("kind") or self.instance.kind
        typed = {
            "auth": "api_key" if api_key else kind,
            "refreshToken": self.cleaned_data["new_refresh_token"],
            "kiroApiKey": api_key,
            "clientId": self.cleaned_data["new_client_id"],
            "clientSecret": self.cleaned_data["new_client_secret"],
            "region": self.cleaned_data["region"],
            "profileArn": self.cleaned_data["profile_arn"],
            "endpoint": self.cleaned_data["endpoint"],
            "startUrl": self.instance.start_url,
            "tokenEndpoint": self.instance.token_endpoint,
            "scopes": self.instance.scopes,
        }
        return json.dumps(typed)
