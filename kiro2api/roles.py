"""Who may do what in the admin: three groups, kept as they are by every `migrate`.

Whoever wants other rights makes a group of their own. A person also needs the
"staff status" to get in.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

OURS = ("accounts", "clients", "dashboard")
PEOPLE = ("auth", "admin")

SEES = Q(content_type__app_label__in=OURS, codename__startswith="view_")
HANDLES = Q(
    content_type__app_label__in=OURS,
    codename__in=["add_account", "change_account", "add_apikey", "change_apikey"],
)
OWNS = Q(content_type__app_label__in=(*OURS, *PEOPLE))

ROLES = {"viewer": SEES, "operator": SEES | HANDLES, "owner": OWNS}


def keep_roles(**told: Any) -> None:
    """Once all permissions of a `migrate` are there."""
    for name, rights in ROLES.items():
        group, _made = Group.objects.get_or_create(name=name)
        group.permissions.set(Permission.objects.filter(rights))
