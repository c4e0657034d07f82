"""Brings the secrets of alert channels under the newest encryption key."""

from __future__ import annotations

from django.db import transaction

from dashboard.models import SECRETS, AlertChannel
from kiro2api.encryption import SecretUnreadable


def rotate(*, forget_unreadable: bool = False) -> tuple[int, list[str]]:
    """How many channels are under it, and the names of those that no key opens. They
    are left as they are; or emptied, and switched off."""
    rotated, unreadable = 0, []
    for pk, name in AlertChannel.objects.values_list("pk", "name"):
        rows = AlertChannel.objects.with_secrets().filter(pk=pk)
        try:
            with transaction.atomic():
                for channel in rows.select_for_update():
                    channel.save(update_fields=SECRETS)
                    rotated += 1
        except SecretUnreadable:
            unreadable.append(name)
            if forget_unreadable:
                rows.update(**dict.fromkeys(SECRETS, ""), enabled=False)
    return rotated, unreadable
