"""What is told of news, and of how the telling went, in the language in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Account
from clients.models import ApiKey
from dashboard.alerts.events import News


@dataclass(frozen=True, slots=True)
class Told:
    title: str
    text: str


def told(news: News) -> Told:
    names = {
        "account": news.account,
        "key": news.key,
        "used": news.used,
        "quota": news.quota,
        "limit": str(ApiKey.Limit(news.limit).label) if news.limit else "",
    }
    match news.event:
        case "account_lost":
            reason = _("It cannot be used until a person helps: %(reason)s.")
            return Told(
                _("Account lost: %(account)s") % names,
                f"{reason % {'reason': _reason(news)}} {_usable(news)}",
            )
        case "account_back":
            return Told(_("Account back: %(account)s") % names, _usable(news))
        case "pool_low":
            return Told(_("The pool is low"), _pool(news))
        case "pool_empty":
            return Told(_("The pool is empty"), _usable(news))
        case "pool_back":
            return Told(_("The pool has recovered"), _pool(news))
        case "key_nearly_used":
            return Told(
                _("Client key %(key)s: over 80%% of a quota") % names, _quota(names)
            )
        case "key_used_up":
            return Told(
                _("Client key %(key)s: a quota is used up") % names, _quota(names)
            )
        case "test":
            return Told(_("Test"), _("Alerts of this gateway arrive here."))
        case _ as never:
            assert_never(never)


def _reason(news: News) -> str:
    known = news.reason in Account.Block.values
    return str(Account.Block(news.reason).label) if known else news.reason


def _usable(news: News) -> str:
    counts = {"usable": news.usable, "total": news.total}
    return _("Usable accounts: %(usable)s of %(total)s.") % counts


def _pool(news: News) -> str:
    if news.credits is None:
        return _usable(news)
    left = _("Credits left: %(credits)s.") % {"credits": f"{news.credits:,.0f}"}
    return f"{_usable(news)} {left}"


def _quota(names: dict[str, str]) -> str:
    return _("Used: %(used)s of %(quota)s (%(limit)s).") % names


def link(news: News) -> str:
    """To the page about it; empty where nobody said how people get here."""
    if not settings.PUBLIC_URL:
        return ""
    if news.account_id is not None:
        page = reverse("admin:accounts_account_change", args=[news.account_id])
    elif news.key_id is not None:
        page = reverse("admin:clients_apikey_change", args=[news.key_id])
    else:
        page = reverse("dashboard:index")
    # What `reverse` puts before it depends on who asks: a request, or nobody.
    public: str = settings.PUBLIC_URL
    return public + page.removeprefix(settings.BASE_PATH)
