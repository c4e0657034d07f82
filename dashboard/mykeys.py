"""The keys that a person makes, rotates and revokes without an operator.

The first one an operator makes; the others are as that one: its limits, models,
accounts and expiry. A revoked key stays, switched off, and counts until the month is
over: nobody gets new quotas by making new keys.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from clients import keys, periods
from clients.models import OVERLAP, ApiKey, KeyUse

AS_THE_FIRST = (
    "expires_at",
    "allowed_models",
    "account_group",
    *ApiKey.Limit.values,
)


class Refused(Exception):
    """In words for the person."""


def keys_of(person: int) -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(owner=person).order_by("-enabled", "pk")


def may_make(person: int) -> bool:
    return _first(person) is not None and _counted(person) < settings.MY_KEYS_MOST


def make(person: int, name: str, seen: int) -> str:
    """The new key in clear. `seen` is how many the person had: asking twice for the
    same one makes one."""
    with transaction.atomic():
        first = _first(person, hold=True)
        if first is None:
            raise Refused(_("An operator makes the first key."))
        if keys_of(person).count() != seen:
            raise Refused(_("Your keys have changed: look again."))
        if _counted(person) >= settings.MY_KEYS_MOST:
            raise Refused(_("You have as many keys as you may have."))
        row = ApiKey(name=name, owner_id=person)
        for column in AS_THE_FIRST:
            setattr(row, column, getattr(first, column))
        key = row.make_key()
        row.save()
        _log(person, row, ADDITION, "made")
    return key


def rotate(person: int, pk: int, prefix: str, at_once: bool) -> str:
    """The new key in clear. `prefix` is how the one begins that it replaces."""
    with transaction.atomic():
        row = _held(person, pk)
        if row.prefix != prefix:
            raise Refused(_("This key was rotated already."))
        key = row.rotate(timedelta() if at_once else OVERLAP)
        _log(person, row, CHANGE, "rotated")
    keys.forget()
    return key


def revoke(person: int, pk: int) -> None:
    with transaction.atomic():
        row = _held(person, pk)
        row.enabled = False
        row.save(update_fields=["enabled"])
        _log(person, row, CHANGE, "revoked")
    keys.forget()


def _first(person: int, hold: bool = False) -> ApiKey | None:
    rows = _working(person).order_by("pk")
    return (rows.select_for_update() if hold else rows).first()


def _held(person: int, pk: int) -> ApiKey:
    row = _working(person).filter(pk=pk).select_for_update().first()
    if row is None:
        raise Refused(_("This key does not work any more."))
    return row


def _working(person: int) -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(owner=person, enabled=True).exclude(
        expires_at__lte=timezone.now()
    )


def _counted(person: int) -> int:
    month = periods.month_of(timezone.now())
    used = KeyUse.objects.filter(period=KeyUse.Period.MONTH, start=month)
    this_month = Q(created_at__gte=month) | Q(pk__in=used.values("key"))
    return keys_of(person).filter(Q(enabled=True) | this_month).count()


def _log(person: int, row: ApiKey, flag: int, what: str) -> None:
    rows = ApiKey.objects.filter(pk=row.pk)
    LogEntry.objects.log_actions(person, rows, flag, what)
