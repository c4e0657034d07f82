"""What stands on an account's page, and in which order."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.loginform import BOXES_OF_KIND, LOGIN_BOXES
from accounts.models import Account

FOLDED = ("collapse",)

STANDING = ("standing", "trouble")
CREDITS = ("credits", "sources", "plan", "email", "resets_at", "usage_read")
PURPOSE = ("groups", "served_models", "models_read")
LIMITS = ("max_concurrent", "requests_per_minute", "credit_floor")
SERVICE = ("region", "profile_arn", "endpoint")
USE = ("requests", "failures", "credits_spent", "last_used")
TOKEN = ("access_expires_at", "refreshed_at", "registration_expires_at")

READ_ONLY = (
    *STANDING,
    *CREDITS,
    "models_read",
    "models_served",
    *USE,
    *TOKEN,
    "created_at",
)

ADD = (
    (None, {"fields": ("name", "kind", *LOGIN_BOXES)}),
    (_("What it serves"), {"fields": ("groups",), "classes": FOLDED}),
    (
        _("Where its service is"),
        {"fields": (*SERVICE, "new_proxy_url"), "classes": FOLDED},
    ),
)


def fieldsets_of(account: Account, *, may_change: bool) -> tuple[Any, ...]:
    """Who may only look sees no boxes for secrets: there is nothing in them."""
    name: tuple[str, ...] = ("name", "kind", "enabled")
    purpose: tuple[str, ...] = ("groups", "models_served", "models_read")
    service: tuple[str, ...] = SERVICE
    login: tuple[Any, ...] = ()
    if may_change:
        name = (*name, "seen")
        purpose = PURPOSE
        service = (*SERVICE, "new_proxy_url")
        boxes = BOXES_OF_KIND[account.kind]
        login = ((_("Another login"), {"fields": boxes, "classes": FOLDED}),)
    return (
        (None, {"fields": name}),
        (_("How it stands"), {"fields": STANDING}),
        (_("Credits"), {"fields": CREDITS}),
        (_("What it serves"), {"fields": purpose}),
        (_("Limits"), {"fields": LIMITS}),
        *login,
        (_("Where its service is"), {"fields": service, "classes": FOLDED}),
        (_("Use"), {"fields": (*USE, *_token(account), "created_at")}),
    )


def _token(account: Account) -> tuple[str, ...]:
    """An API key is its own token: it neither expires nor is renewed."""
    match account.kind:
        case Account.Kinds.API_KEY:
            return ()
        case Account.Kinds.SOCIAL | Account.Kinds.EXTERNAL_IDP:
            return TOKEN[:2]
        case _:
            return TOKEN
