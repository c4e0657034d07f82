"""An account's credits, drawn: the sum as a bar, and every source with its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Account

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

KINDS: dict[str, StrOrPromise] = {
    "plan": gettext_lazy("plan"),
    "trial": gettext_lazy("trial"),
    "bonus": gettext_lazy("bonus"),
    "overage": gettext_lazy("overage"),
}
STATES: dict[str, StrOrPromise] = {
    "EXPIRED": gettext_lazy("expired"),
    "EXHAUSTED": gettext_lazy("used up"),
    "DISABLED": gettext_lazy("switched off"),
    "INCAPABLE": gettext_lazy("not in this plan"),
}


@dataclass(frozen=True, slots=True)
class Bar:
    title: str
    left: str
    limit: str
    percent: int | None
    """Of what is left; None: there is nothing to draw."""
    expires_at: datetime | None = None
    state: StrOrPromise = ""
    """Empty: it can be spent from."""


def credit_bar(account: Account) -> SafeString:
    bar = None
    if account.available is not None:
        limit = account.credits_limit or 0.0
        bar = _bar("", account.available, limit)
    told = "\n".join(_line(source) for source in sources(account) if not source.state)
    context = {"bar": bar, "told": told}
    return render_to_string("admin/accounts/account/credits.html", context)


def credit_table(account: Account) -> SafeString:
    context = {"sources": list(sources(account))}
    return render_to_string("admin/accounts/account/sources.html", context)


def sources(account: Account) -> Iterator[Bar]:
    for source in account.credit_sources:
        if source["kind"] != "overage" or source["status"] != "INCAPABLE":
            yield _source(source)


def _source(source: Mapping[str, Any]) -> Bar:
    kind = str(KINDS[source["kind"]])
    expires = source["expires_at"]
    return _bar(
        f"{kind}: {source['name']}" if source["name"] else kind,
        max(source["limit"] - source["used"], 0.0),
        source["limit"],
        expires_at=datetime.fromisoformat(expires) if expires else None,
        state=STATES.get(source["status"], ""),
    )


def _bar(title: str, left: float, limit: float, **more: Any) -> Bar:
    percent = round(min(max(left / limit, 0.0), 1.0) * 100) if limit > 0 else None
    return Bar(title, figure(left), figure(limit) if limit else "", percent, **more)


def _line(bar: Bar) -> str:
    figures = {"source": bar.title, "left": bar.left, "limit": bar.limit or "0"}
    return _("%(source)s: %(left)s of %(limit)s left") % figures


def figure(credits: float) -> str:
    """1,234.5, and no more digits than say something."""
    return f"{credits:,.1f}".removesuffix(".0")
