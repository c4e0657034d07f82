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
# An operator keeps accounts and keys going, and puts them in groups; what is deleted,
# taken out as a backup, or chosen for the whole pool is the owner's.
HANDLES = Q(
    content_type__app_label__in=OURS,
    codename__in=[
        f"{right}_{what}"
        for right in ("add", "change")
        for what in ("account", "accountgroup", "apikey")
    ],
)
OWNS = Q(content_type__app_label__in=(*OURS, *PEOPLE))

ROLES = {"viewer": SEES, "operator": SEES | HANDLES, "owner": OWNS}


def keep_roles(**told: Any) -> None:
    """Once all permissions of a `migrate` are there."""
    for name, rights in ROLES.items():
        group, _made = Group.objects.get_or_create(name=name)
        group.permissions.set(Permission.objects.filter(rights))
