"""Which requests a page is about: its filters, read and checked.

Every filter is narrowed to what the person may see; the fields that a person
without rights has no use for are not there.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from clients.models import ApiKey
from clients.reports import Choice, sums
from dashboard.sight import Sight
from dashboard.span import Span, between, last

DIALECTS = {
    "anthropic": "Anthropic Messages",
    "openai": "Chat Completions",
    "responses": "OpenAI Responses",
}
SPANS = {
    "hour": _("Last hour"),
    "day": _("Last day"),
    "week": _("Last week"),
    "month": _("Last month"),
    "own": _("Own range"),
}
SPLITS = {
    "": _("Nothing"),
    "key": _("Key"),
    "owner": _("Owner"),
    "account": _("Account"),
    "model": _("Model"),
    "dialect": _("API"),
    "session": _("Session"),
}
STATUSES = {
    "": _("Any"),
    "good": _("Served"),
    "failed": _("Failed"),
    "2xx": "2xx",
    "4xx": "4xx",
    "5xx": "5xx",
}
BIGGEST = 2**63 - 1
MODELS_OF = timedelta(days=7)
NAMED_MOST = 1000
"""Beyond so many keys or people a list to choose from is of no use."""

Names = list[tuple[str, str]]


class Moment(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class Filters(forms.Form):
    """What all pages filter by. `parts` say which requests, and `span` when."""

    default_span = "day"

    span = forms.ChoiceField(label=_("Time"), choices=list(SPANS.items()))
    since = forms.DateTimeField(label=_("From"), required=False, widget=Moment)
    until = forms.DateTimeField(label=_("Until"), required=False, widget=Moment)
    key = forms.IntegerField(
        label=_("Key"), required=False, min_value=0, max_value=BIGGEST
    )
    owner = forms.IntegerField(
        label=_("Owner"), required=False, min_value=0, max_value=BIGGEST
    )
    account = forms.IntegerField(
        label=_("Account"), required=False, min_value=0, max_value=BIGGEST
    )
    model = forms.CharField(label=_("Model"), required=False, max_length=128)
    dialect = forms.CharField(label=_("API"), required=False, max_length=16)
    session = forms.CharField(label=_("Session"), required=False, max_length=36)

    def __init__(self, asked: QueryDict, sight: Sight) -> None:
        asked = asked.copy()
        asked.setdefault("span", self.default_span)
        super().__init__(asked, label_suffix="")
        self.sight = sight
        if not sight.everybody:
            del self.fields["owner"], self.fields["account"]
        for name in self.fields.keys() & _NAMES.keys():
            self._offer(name, _NAMES[name](sight))
        for field in self.fields.values():
            field.widget.attrs["autocomplete"] = "off"

    def _offer(self, name: str, names: Names) -> None:
        chosen = self.data.get(name, "")[:128]
        if chosen and chosen not in dict(names):  # deleted, or long ago
            names.append((chosen, chosen if name == "model" else f"#{chosen}"))
        widget = forms.Select(choices=[("", _("All")), *names])
        self.fields[name].widget = widget

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        if found.get("span") == "own":
            try:
                between(found["since"], found["until"], _zone())
            except (KeyError, TypeError, AttributeError):
                self.add_error("since", _("An own range needs both ends."))
            except ValueError:
                self.add_error(
                    "until", _("The end comes before the beginning, or years later.")
                )
        return found

    @property
    def span_chosen(self) -> Span:
        found, now = self.cleaned_data, timezone.now()
        if found["span"] == "own":
            return between(found["since"], found["until"], _zone())
        return last(found["span"], now, _zone())

    @property
    def choice(self) -> Choice:
        found = self.cleaned_data
        return self.sight.narrow(
            Choice(
                key_id=found["key"],
                owner_id=found.get("owner"),
                account_id=found.get("account"),
                model=found["model"] or None,
                dialect=found["dialect"] or None,
                session=found["session"] or None,
            )
        )

    @property
    def query(self) -> str:
        """The filters as they stand, for addresses."""
        return _query(self.data, self.fields.keys())


class UsageFilters(Filters):
    split = forms.ChoiceField(label=_("Split by"), required=False)

    field_order = ["span", "since", "until", "split"]

    def __init__(self, asked: QueryDict, sight: Sight) -> None:
        super().__init__(asked, sight)
        hidden = set() if sight.everybody else {"owner", "account"}
        self.fields["split"].choices = [  # type: ignore[attr-defined]
            (name, label) for name, label in SPLITS.items() if name not in hidden
        ]

    def clean(self) -> dict[str, Any]:
        found = super().clean()
        if self.errors or found.get("split") != "session":
            return found
        if not self.span_chosen.has_sessions:
            self.add_error("split", _("By session a week can be shown at once."))
        return found


class RequestFilters(Filters):
    default_span = "any"

    status = forms.ChoiceField(
        label=_("Status"), required=False, choices=list(STATUSES.items())
    )

    field_order = ["span", "since", "until", "status"]

    def __init__(self, asked: QueryDict, sight: Sight) -> None:
        super().__init__(asked, sight)
        self.fields["span"].choices = [  # type: ignore[attr-defined]
            ("any", _("Any time")),
            *SPANS.items(),
        ]

    @property
    def wanted(self) -> dict[str, Any]:
        """For `reports.recent`."""
        found = self.cleaned_data
        wanted: dict[str, Any] = {"choice": self.choice}
        if found["span"] != "any":
            span = self.span_chosen
            wanted |= {"since": span.since, "until": span.until}
        match found["status"]:
            case "good" | "failed" as name:
                wanted["failed"] = name == "failed"
            case "2xx" | "4xx" | "5xx" as name:
                first = int(name[0]) * 100
                wanted["statuses"] = range(first, first + 100)
        return wanted


def _zone() -> Any:
    return timezone.get_current_timezone()


def _query(data: Any, names: Any) -> str:
    query = QueryDict(mutable=True)
    for name in names:
        if value := data.get(name):
            query[name] = value
    return query.urlencode()


def _keys(sight: Sight) -> Names:
    rows = ApiKey.objects.all()
    if not sight.everybody:
        rows = rows.filter(owner=sight.person)
    named = rows.values_list("pk", "name")[:NAMED_MOST]
    shared = [("0", _now("shared"))] if sight.everybody else []
    return [*shared, *((str(pk), name) for pk, name in named)]


def _owners(sight: Sight) -> Names:
    people = get_user_model().objects.order_by("username")
    named = people.values_list("pk", "username")[:NAMED_MOST]
    return [("0", _now("nobody")), *((str(pk), name) for pk, name in named)]


def _accounts(sight: Sight) -> Names:
    named = Account.objects.order_by("position").values_list("pk", "name")[:NAMED_MOST]
    return [("0", _now("none")), *((str(pk), name) for pk, name in named)]


def _models(sight: Sight) -> Names:
    now = timezone.now()
    found = sums(now - MODELS_OF, now, split="model", choice=sight.narrow(Choice()))
    return [(one.name, one.name) for one in found if one.name]


def _dialects(sight: Sight) -> Names:
    return list(DIALECTS.items())


_NAMES = {
    "key": _keys,
    "owner": _owners,
    "account": _accounts,
    "model": _models,
    "dialect": _dialects,
}
