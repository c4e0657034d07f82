"""How an account stands, as the admin's pages put it: status, reason, since when,
until when, and what a person can do."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Account

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Status = Account.Status
Block: TypeAlias = Account.Block

BADGES = {
    Status.READY: "success",
    Status.EXHAUSTED: "warning",
    Status.AT_FLOOR: "info",
    Status.COOLING: "info",
    Status.REJECTED: "danger",
    Status.SUSPENDED: "danger",
    Status.FORBIDDEN: "danger",
    Status.DISABLED: "default",
}
ADVICE: dict[Block, StrOrPromise] = {
    Block.QUOTA: gettext_lazy(
        "It comes back with its next credits. If some were bought, read the credits."
    ),
    Block.THROTTLED: gettext_lazy("It comes back by itself."),
    Block.TOKEN: gettext_lazy(
        "It is tried again by itself. If this goes on, sign in again."
    ),
    Block.SIGN_IN_AWAY: gettext_lazy("It is tried again by itself."),
    Block.REJECTED: gettext_lazy("Sign in again: the button is above."),
    Block.SUSPENDED: gettext_lazy(
        "Sort it out with the service's support, then unblock it here."
    ),
    Block.PROFILE: gettext_lazy(
        "See that its profile ARN and region are right, then unblock it."
    ),
    Block.APPLICATION: gettext_lazy(
        "Give it a subscription that covers this use, then unblock it."
    ),
    Block.FEATURE: gettext_lazy(
        "Have the feature switched on at the service, then unblock it."
    ),
}


def standing_in_list(account: Account) -> SafeString:
    return _render(account, advice="")


def standing_on_page(account: Account) -> SafeString:
    advice: StrOrPromise = ""
    if account.enabled and account.blocked:
        advice = _advice(account)
    return _render(account, advice)


def _advice(account: Account) -> StrOrPromise:
    reason = Block(account.blocked_reason)
    if reason == Block.REJECTED and account.kind == Account.Kinds.API_KEY:
        return _("Put in another API key, below under “Another login”.")
    return ADVICE[reason]


def ago(when: datetime | None) -> SafeString:
    """When something was, in words; the exact time shows on hover."""
    if when is None:
        return format_html('<span class="text-base-500">{}</span>', _("never"))
    seconds = (timezone.now() - when).total_seconds()
    words = _("just now")
    if seconds >= 60:
        words = _("%(time)s ago") % {"time": timesince(when, depth=1)}
    return format_html(
        '<time datetime="{}" title="{}" class="whitespace-nowrap">{}</time>',
        when.isoformat(timespec="seconds"),
        date_format(timezone.localtime(when), "DATETIME_FORMAT"),
        words,
    )


def ahead(when: datetime) -> str:
    """How long it is until then; under a minute too."""
    seconds = (when - timezone.now()).total_seconds()
    return timeuntil(when, depth=2) if seconds >= 60 else _("less than a minute")


def _render(account: Account, advice: StrOrPromise) -> SafeString:
    status = account.status
    reason: StrOrPromise = ""
    since = until = None
    if account.blocked:
        reason = Block(account.blocked_reason).label
        since, until = account.blocked_since, account.blocked_until
    elif status == Status.AT_FLOOR:
        floor = {"credits": f"{account.credit_floor:,.0f}"}
        reason = _("its last %(credits)s credits are left alone") % floor
        until = account.resets_at
    context = {
        "status": status.label,
        "badge": BADGES[status],
        "reason": "" if reason == status.label else reason,
        "since": since,
        "lasted": timesince(since, depth=1) if since else "",
        "until": until,
        "back": ahead(until) if until else "",
        "needs_person": account.healed_by == "person",
        "advice": advice,
    }
    return render_to_string("admin/accounts/account/standing.html", context)
