"""How a person writes down what a key may do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from clients.models import ApiKey

NAMES_MOST = 100
NAME_MOST = 128


class NamesField(forms.CharField):
    """A list of names, one a line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=UnfoldAdminTextareaWidget, required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != _names(data or ""))

    def clean(self, value: Any) -> list[str]:
        names = _names(super().clean(value))
        if len(names) > NAMES_MOST or any(len(name) > NAME_MOST for name in names):
            raise forms.ValidationError(_("These are too many names, or too long."))
        return names


class KeyForm(forms.ModelForm):  # type: ignore[type-arg]
    allowed_models = NamesField(
        label=_("Models"),
        help_text=_("Those it may use, by any of their names, one a line; none: all."),
    )

    class Meta:
        model = ApiKey
        fields = (
            "name",
            "owner",
            "enabled",
            "expires_at",
            "allowed_models",
            "account_group",
            *ApiKey.Limit.values,
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, value in self.initial.items():
            if isinstance(value, Decimal):  # ten digits are for the ledger
                self.initial[name] = Decimal(f"{value.normalize():f}")


def _names(text: str) -> list[str]:
    names = (name.strip() for name in text.replace(",", "\n").splitlines())
    return [name for name in names if name]
