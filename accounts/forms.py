"""The forms that add and change an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.entries import NO_PROXY
from accounts.intake import login_fields
from accounts.loginform import SECRET_FIELDS, LoginForm
from accounts.meanwhile import MeanwhileForm
from accounts.modellist import MODEL_ID
from accounts.models import Account, AccountGroup
from accounts.rotation import SecretState, secret_states

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

STATES: dict[SecretState, StrOrPromise] = {
    "set": _("It is set."),
    "not set": _("It is not set."),
    "unreadable": _("It is set, but no encryption key opens it."),
}


def groups_field() -> Any:
    return forms.ModelMultipleChoiceField(
        AccountGroup.objects.all(),
        label=_("Account groups"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_(
            "It serves the client keys that name one of these; in none: the keys that "
            "name no group."
        ),
    )


class AddAccountForm(LoginForm):
    """One account; or several, when a list of them is pasted."""

    groups = groups_field()

    class Meta:
        model = Account
        fields = ["name", "kind", "groups", "region", "profile_arn", "endpoint"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = False
        self.fields["name"].help_text = _("Empty: it gets a number.")
        kind = self.fields["kind"]
        # Nobody types one in: it comes as a file.
        kind.choices = [  # type: ignore[attr-defined]
            choice
            for choice in Account.Kinds.choices
            if choice[0] != Account.Kinds.EXTERNAL_IDP
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.entries:
            entry = self.entries[0]
            cleaned["name"] = cleaned["name"] or entry.name
            cleaned["kind"] = entry.kind
            cleaned["region"] = entry.region
            cleaned["profile_arn"] = entry.profile_arn
            if entry.endpoint != "q":
                cleaned["endpoint"] = entry.endpoint
        elif not self.errors:
            self.refuse(str(self.fields["name"].error_messages["required"]))
        return cleaned

    def save(self, commit: bool = True) -> Account:
        account: Account = super().save(commit=False)
        entry = self.entries[0]
        for name, value in login_fields(entry).items():
            setattr(account, name, value)
        proxy_url = self.cleaned_data["new_proxy_url"] or entry.proxy_url
        account.proxy_url = "" if proxy_url == NO_PROXY else proxy_url
        return account


class ModelsField(forms.MultipleChoiceField):
    """Ids of models, kept as the keys of an object. The list to choose from may be
    read anew while the form is open."""

    widget = UnfoldAdminCheckboxSelectMultipleWidget

    def prepare_value(self, value: Any) -> Any:
        return list(value) if isinstance(value, dict) else value

    def valid_value(self, value: Any) -> bool:
        return MODEL_ID.fullmatch(str(value)) is not None

    def clean(self, value: Any) -> dict[str, bool]:
        return dict.fromkeys(super().clean(value), True)


class ChangeAccountForm(MeanwhileForm, LoginForm):
    """Secrets that are left empty stay as they are."""

    groups = groups_field()
    served_models = ModelsField(label=_("Models served"), required=False)

    class Meta:
        model = Account
        fields = [
            "name",
            "enabled",
            "groups",
            "served_models",
            "max_concurrent",
            "requests_per_minute",
            "credit_floor",
            "region",
            "profile_arn",
            "endpoint",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["credit_floor"].required = False
        self._offer_models(self.instance)
        self._describe_boxes(self.instance)

    def _offer_models(self, account: Account) -> None:
        listed = account.offered_models
        served = account.served_models
        field = self.fields["served_models"]
        gone = gettext("%(model)s (not on its list)")
        field.choices = [  # type: ignore[attr-defined]
            (model, model if model in listed else gone % {"model": model})
            for model in sorted({*listed, *served})
        ]
        field.help_text = _("None chosen: all that it lists.")
        if not listed:
            field.help_text = _("Its list of models was not read yet: test it first.")

    def _describe_boxes(self, account: Account) -> None:
        states = secret_states(account.pk)
        for box, secret in SECRET_FIELDS.items():
            self.fields[box].help_text = format_lazy(
                "{} {} {}",
                STATES[states[secret]],
                _("Leave empty to keep it."),
                self.fields[box].help_text,
            )
        proxy = self.fields["new_proxy_url"]
        proxy.help_text = format_lazy(
            "{} {}", proxy.help_text, _('The word "direct" removes it.')
        )

    def clean_credit_floor(self) -> float:
        return self.cleaned_data["credit_floor"] or 0.0

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if len(self.entries) > 1:
            self.refuse(gettext("These are several accounts; here goes one."))
        if (
            cleaned.get("endpoint") == Account.Endpoints.RUNTIME
            and self.instance.kind == Account.Kinds.API_KEY
            and not (self.entries or cleaned.get("profile_arn"))
        ):
            told = gettext("With an API key the runtime endpoint needs a profile ARN.")
            self.add_error("profile_arn", told)
        if proxy_url := cleaned.get("new_proxy_url"):
            self.instance.proxy_url = "" if proxy_url == NO_PROXY else proxy_url
        return cleaned

    @property
    def changed_fields(self) -> list[str]:
        """What the row's own save writes; a login is written apart."""
        apart = {*SECRET_FIELDS, "seen", "groups"}
        changed = [name for name in self.changed_data if name not in apart]
        return [
            *changed,
            *(["proxy_url"] if "new_proxy_url" in self.changed_data else []),
        ]

    @property
    def login_changes(self) -> dict[str, Any]:
        """What replaces the account's login, by field; empty: nothing does."""
        if not self.entries:
            moved = "region" in self.changed_data
            return {"region": self.instance.region} if moved else {}
        return login_fields(self.entries[0])
