"""Forms for accounts. Secrets go in and never come out again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts.importers import Entry, NotJson, read_entries
from accounts.intake import owner_of
from accounts.models import Account
from accounts.rotation import SecretState, secret_states

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Form field -> model field. The names differ, so that no form reads a secret.
SECRET_FIELDS = {
    "new_refresh_token": "refresh_token",
    "new_client_id": "client_id",
    "new_client_secret": "client_secret",
}
TOKEN_HELP = _(
    "The refresh token itself, the content of the IDE's kiro-auth-token.json (for IdC "
    "with its registration file pasted behind it), or kiro2api's JSON."
)
STATES: dict[SecretState, StrOrPromise] = {
    "set": _("It is set."),
    "not set": _("It is not set."),
    "unreadable": _("It is set, but no encryption key opens it."),
}


def secret_box(label: StrOrPromise, help_text: StrOrPromise = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=False,
        max_length=200_000,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )


class LoginForm(forms.ModelForm):  # type: ignore[type-arg]
    """What adding and changing have in common: the boxes for a login, and what may
    be pasted into them."""

    new_refresh_token = secret_box(_("Refresh token"), TOKEN_HELP)
    new_client_id = secret_box(_("Client id"), _("IdC only."))
    new_client_secret = secret_box(_("Client secret"), _("IdC only."))

    entries: list[Entry]
    """The logins that were typed or pasted; none: the boxes were left empty."""

    def clean(self) -> dict[str, Any]:
        super().clean()
        self.entries = self._read_boxes() if not self.errors else []
        for entry in self.entries:
            owner = owner_of(entry.refresh_token)
            if owner is not None and owner.pk != self.instance.pk:
                self._refuse(
                    gettext("The account %(name)s came in with this refresh token.")
                    % {"name": owner.name}
                )
        return self.cleaned_data

    def _read_boxes(self) -> list[Entry]:
        token = self.cleaned_data["new_refresh_token"]
        if not token:
            if any(self.cleaned_data[box] for box in SECRET_FIELDS):
                self._refuse(gettext("A new client needs its own refresh token."))
            return []
        text = token if token.startswith(("[", "{")) else self._as_json(token)
        try:
            found = read_entries(text)
        except NotJson as error:
            self._refuse(gettext("This is not JSON: %(fault)s.") % {"fault": error})
            return []
        for fault in found.faults:
            place = f"{fault.index}: " if len(found.faults) > 1 else ""
            self._refuse(place + gettext(fault.fault))
        if not found.entries and not found.faults:
            self._refuse(gettext("There is no account in it."))
        return found.entries

    def _as_json(self, token: str) -> str:
        """Typed values take the way of pasted ones, and its checks."""
        typed = {
            "auth": self.cleaned_data.get("kind") or self.instance.kind,
            "refreshToken": token,
            "clientId": self.cleaned_data["new_client_id"],
            "clientSecret": self.cleaned_data["new_client_secret"],
            "region": self.cleaned_data["region"],
            "profileArn": self.cleaned_data["profile_arn"],
        }
        return json.dumps(typed)

    def _refuse(self, why: str) -> None:
        self.add_error("new_refresh_token", why)


class AddAccountForm(LoginForm):
    """One account; or several, when a list of them is pasted."""

    class Meta:
        model = Account
        fields = ["name", "kind", "region", "profile_arn"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = False
        self.fields["new_refresh_token"].required = True

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.entries:
            entry = self.entries[0]
            cleaned["name"] = cleaned["name"] or entry.name
            cleaned["kind"] = entry.kind
            cleaned["region"] = entry.region
            cleaned["profile_arn"] = entry.profile_arn
        return cleaned

    def save(self, commit: bool = True) -> Account:
        account: Account = super().save(commit=False)
        entry = self.entries[0]
        account.refresh_token = entry.refresh_token
        account.client_id = entry.client_id
        account.client_secret = entry.client_secret
        return account


class ChangeAccountForm(LoginForm):
    """Secrets that are left empty stay as they are."""

    class Meta:
        model = Account
        fields = ["name", "enabled", "region", "profile_arn"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        states = secret_states(self.instance.pk)
        for box, field in SECRET_FIELDS.items():
            self.fields[box].help_text = format_lazy(
                "{} {} {}",
                STATES[states[field]],
                _("Leave empty to keep it."),
                self.fields[box].help_text,
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if len(self.entries) > 1:
            self._refuse(gettext("These are several accounts; here goes one."))
        return cleaned

    @property
    def login_changes(self) -> dict[str, str]:
        """What replaces the account's login, by field; empty: nothing does."""
        if not self.entries:
            return {"region": self.instance.region} if self._moved else {}
        entry = self.entries[0]
        return {
            "kind": entry.kind,
            "refresh_token": entry.refresh_token,
            "client_id": entry.client_id,
            "client_secret": entry.client_secret,
            "region": entry.region,
            "profile_arn": entry.profile_arn,
        }

    @property
    def _moved(self) -> bool:
        return "region" in self.changed_data
