"""A person's own page: their keys, limits and use, and nothing of anybody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from clients import periods, tallies
from clients.models import ApiKey, KeyUse
from clients.quotas import Amount
from clients.reports import Choice
from dashboard import mykeys
from dashboard.mykeys import Refused
from dashboard.pages import for_people
from dashboard.sight import Sight
from dashboard.span import last
from dashboard.usage import usage
from dashboard.usagepage import shown

Limit = ApiKey.Limit
Uses = Mapping[tuple[int, KeyUse.Period], Amount]


@dataclass(frozen=True, slots=True)
class Bar:
    """One limit of a key, and how much of it is used."""

    label: str
    limit: Decimal | int
    used: Decimal | int | None
    """None: of a limit that nothing adds up to."""
    resets_at: datetime | None = None

    @property
    def percent(self) -> float | None:
        if self.used is None:
            return None
        return min(float(100 * self.used / self.limit), 100.0) if self.limit else 100.0


@dataclass(frozen=True, slots=True)
class Key:
    row: ApiKey
    works: bool
    bars: list[Bar]


class Asked(forms.Form):
    """What is to be done with a key."""

    action = forms.ChoiceField(choices=[(a, a) for a in ("make", "rotate", "revoke")])
    name = forms.CharField(max_length=100, required=False)
    seen = forms.IntegerField(required=False)
    key = forms.IntegerField(required=False, min_value=1)
    begins = forms.CharField(max_length=20, required=False)
    at_once = forms.BooleanField(required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@for_people
def page(request: HttpRequest, sight: Sight) -> HttpResponse:
    assert sight.person is not None, "for_people lets nobody else in"
    told: dict[str, Any] = {}
    if request.method == "POST":
        try:
            told["made"] = _do(sight.person, request)
        except Refused as refused:
            told["refused"] = str(refused)
    now = timezone.now()
    mine = Choice(owner_id=sight.person)
    used = usage(last("day", now, timezone.get_current_timezone()), choice=mine)
    found = list(mykeys.keys_of(sight.person))
    query = f"owner={sight.person}" if sight.everybody else ""
    told |= shown(used, f"{query}&span=day") | {
        "sight": sight,
        "now": now,
        "mine": query,
        "keys": _keys(found, now),
        "may_make": mykeys.may_make(sight.person),
        "keys_most": settings.MY_KEYS_MOST,
    }
    return render(request, "dashboard/me.html", told)


def _do(person: int, request: HttpRequest) -> str:
    """The new key, if that is what was asked for."""
    form = Asked(request.POST)
    if not form.is_valid():
        raise Refused(_("This cannot be done."))
    asked = form.cleaned_data
    match asked["action"]:
        case "make":
            name = asked["name"].strip()
            if not name:
                raise Refused(_("A key needs a name."))
            return mykeys.make(person, name, asked["seen"] or 0)
        case "rotate":
            return mykeys.rotate(
                person, asked["key"] or 0, asked["begins"], asked["at_once"]
            )
        case _:
            mykeys.revoke(person, asked["key"] or 0)
            return ""


def _keys(rows: list[ApiKey], now: datetime) -> list[Key]:
    uses = tallies.uses([row.pk for row in rows], now)
    return [
        Key(
            row,
            row.enabled and not (row.expires_at and row.expires_at <= now),
            list(_bars(row, uses, now)),
        )
        for row in rows
    ]


def _bars(row: ApiKey, uses: Uses, now: datetime) -> list[Bar]:
    Period = KeyUse.Period
    day, month = uses[row.pk, Period.DAY], uses[row.pk, Period.MONTH]
    tomorrow, next_month = periods.next_day(now), periods.next_month(now)
    used: dict[str, tuple[Decimal | int | None, datetime | None]] = {
        Limit.CREDITS_PER_DAY: (day.credits, tomorrow),
        Limit.CREDITS_PER_MONTH: (month.credits, next_month),
        Limit.TOKENS_PER_DAY: (day.tokens, tomorrow),
        Limit.TOKENS_PER_MONTH: (month.tokens, next_month),
        Limit.REQUESTS_PER_MINUTE: (uses[row.pk, Period.MINUTE].requests, None),
        Limit.MAX_CONCURRENT: (None, None),
    }
    return [
        Bar(str(limit.label), most, *used[limit])
        for limit in Limit
        if (most := getattr(row, limit.value)) is not None
    ]
