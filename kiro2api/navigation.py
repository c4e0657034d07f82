"""The admin's side bar."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """What the person may see, most used first."""

    def entry(title: str, icon: str, model: str) -> dict[str, Any]:
        app, name = model.split(".")
        return {
            "title": title,
            "icon": icon,
            "link": reverse(f"admin:{app}_{name}_changelist"),
            "permission": lambda asking: asking.user.has_perm(f"{app}.view_{name}"),
        }

    return [
        {
            "items": [
                entry(_("Accounts"), "hub", "accounts.account"),
                entry(_("Client keys"), "key", "clients.apikey"),
                {
                    "title": _("Dashboard"),
                    "icon": "monitoring",
                    "link": reverse("dashboard:index"),
                    # Every address begins with it; this page is never there.
                    "active": lambda asking: False,
                },
            ]
        },
        {
            "title": _("The pool"),
            "items": [
                entry(_("Choice of accounts"), "alt_route", "accounts.poolsettings"),
                entry(_("Account groups"), "workspaces", "accounts.accountgroup"),
                entry(_("Alerts"), "notifications", "dashboard.alertchannel"),
            ],
        },
        {
            "title": _("People"),
            "items": [
                entry(_("Users"), "person", "auth.user"),
                entry(_("Roles"), "group", "auth.group"),
                entry(_("Who did what"), "history", "admin.logentry"),
            ],
        },
    ]
