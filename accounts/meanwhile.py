"""Two people change one account at once.

A form carries along what its reader saw. What others changed since then stays, unless
the second sets the same field; and either way the second is told before anything is
saved.
"""

from __future__ import annotations

import json
from copy import copy
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import seen
from accounts.loginform import SECRET_FIELDS
from accounts.models import Account, AccountGroup


class SeenField(forms.CharField):
    widget = forms.HiddenInput

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if seen.read(text) is None:
            raise forms.ValidationError(_("Load the page again."))
        return text

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class MeanwhileForm(forms.ModelForm):  # type: ignore[type-arg]
    """For forms that change an account; within a transaction."""

    seen = SeenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        account: Account = kwargs["instance"]
        if args and args[0] is not None:
            # From here to the end of the transaction nobody else changes it.
            rows = Account.objects.select_for_update()
            account.refresh_from_db(fields=seen.COLUMNS, from_queryset=rows)
        super().__init__(*args, **kwargs)
        self.others: list[str] = []
        self.who: list[str] = []
        self.both: dict[str, Any] = {}
        now = seen.as_seen(account)
        self.initial["seen"] = json.dumps(now)
        if self.is_bound:
            self._keep_what_others_changed(account, now)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.others:
            self._tell()
        return cleaned

    def _keep_what_others_changed(self, account: Account, now: dict[str, Any]) -> None:
        then = seen.read(self.data.get("seen", ""))
        if then is None:
            return
        self.others = seen.changed_by_others(then, now)
        if not self.others:
            return
        self.who = seen.who(account, then)
        data: Any = copy(self.data)
        for name in self.others:
            if name in SECRET_FIELDS:  # an empty box keeps what is there
                continue
            field = self.fields[name]
            typed = field.widget.value_from_datadict(data, self.files, name)
            if field.has_changed(then.get(name), typed):
                self.both[name] = now[name]
            else:
                _put(data, name, now[name])
        data["seen"] = json.dumps(now)
        self.data = data

    def _tell(self) -> None:
        told = gettext(
            "While this page was open, %(who)s changed: %(what)s. That is kept, and "
            "nothing of yours is saved yet: look it over, then save again."
        )
        who = ", ".join(self.who) or gettext("somebody")
        what = ", ".join(str(self.fields[name].label) for name in self.others)
        self.add_error(None, told % {"who": who, "what": what})
        told = gettext("It is now: %(value)s. Save again to change it to yours.")
        for name, value in self.both.items():
            self.add_error(name, told % {"value": _shown(name, value)})


def _put(data: Any, name: str, value: Any) -> None:
    """As a browser would send it."""
    match value:
        case True:
            data[name] = "on"
        case False:
            data.pop(name, None)
        case list():
            data.setlist(name, [str(item) for item in value])
        case _:
            data[name] = "" if value is None else str(value)


def _shown(name: str, value: Any) -> str:
    match value:
        case bool():
            return gettext("Yes") if value else gettext("No")
        case list() if name == "groups":
            names = AccountGroup.objects.filter(pk__in=value).values_list("name")
            return ", ".join(name for (name,) in names) or gettext("none")
        case list():
            return ", ".join(value) or gettext("all")
        case _:
            return "–" if value in (None, "") else str(value)
