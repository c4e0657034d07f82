"""Sums of the records by the hour, which stay when the records go.

For a worker, as often as it likes, and for several at once: each record is counted
by the one transaction that marks it as counted.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from clients import periods
from clients.models import KeyUse, Reservation, UsageHour, UsageRecord

AT_ONCE = 1000
MINUTES_KEPT = timedelta(hours=1)

Kind: TypeAlias = tuple[datetime, int, int, int, str, str]
"""Hour, key, owner, account, model and dialect."""


@dataclass(slots=True)
class _Sums:
    requests: int = 0
    errors: int = 0
    estimated: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    credits: Decimal = Decimal(0)
    ttfb_ms: int = 0
    ttfb_count: int = 0
    duration_ms: int = 0

    def add(self, record: UsageRecord) -> None:
        self.requests += 1
        self.errors += record.failed
        self.estimated += record.estimated
        self.input_tokens += record.input_tokens
        self.output_tokens += record.output_tokens
        self.cache_read_tokens += record.cache_read_tokens
        self.cache_write_tokens += record.cache_write_tokens
        self.credits += record.credits
        self.ttfb_ms += record.ttfb_ms or 0
        self.ttfb_count += record.ttfb_ms is not None
        self.duration_ms += record.duration_ms


SUMMED = tuple(field.name for field in fields(_Sums))


def roll_up() -> int:
    """Add to the hours all records that are not in them yet; how many."""
    counted = 0
    while some := _roll_up_some():
        counted += some
    return counted


def _roll_up_some() -> int:
    with transaction.atomic():
        # Those that another one is at are left to it.
        records = list(
            UsageRecord.objects.select_for_update(skip_locked=True)
            .filter(rolled_up=False)
            .order_by("at")[:AT_ONCE]
        )
        sums: defaultdict[Kind, _Sums] = defaultdict(_Sums)
        named: dict[Kind, UsageRecord] = {}
        for record in records:
            kind = _kind(record)
            sums[kind].add(record)
            named[kind] = record
        new = [_hour(kind, record) for kind, record in named.items()]
        UsageHour.objects.bulk_create(new, ignore_conflicts=True)
        for kind in sorted(sums):  # in the same order everywhere: no deadlock
            _add(kind, sums[kind])
        done = UsageRecord.objects.filter(pk__in=[record.pk for record in records])
        return done.update(rolled_up=True)


def retain(days: int | None = None) -> int:
    """Delete records that are older than so many days, or USAGE_RETENTION_DAYS, and
    in the hours; how many. And what keys used in minutes and days long gone."""
    now = timezone.now()
    oldest = now - timedelta(days=days or settings.USAGE_RETENTION_DAYS)
    KeyUse.objects.filter(period="minute", start__lt=now - MINUTES_KEPT).delete()
    KeyUse.objects.filter(period="day", start__lt=oldest).delete()
    Reservation.objects.filter(until__lt=now).delete()
    old = UsageRecord.objects.filter(at__lt=oldest, rolled_up=True)
    deleted = 0
    while some := _delete_some(old):
        deleted += some
    return deleted


def _delete_some(rows: QuerySet[UsageRecord]) -> int:
    some = list(rows.order_by("at").values_list("pk", flat=True)[:AT_ONCE])
    return UsageRecord.objects.filter(pk__in=some).delete()[0]


def _kind(record: UsageRecord) -> Kind:
    return (
        periods.hour_of(record.at),
        record.key_id,
        record.owner_id,
        record.account_id,
        record.model,
        record.dialect,
    )


def _hour(kind: Kind, record: UsageRecord) -> UsageHour:
    hour, key_id, owner_id, account_id, model, dialect = kind
    return UsageHour(
        hour=hour,
        key_id=key_id,
        key_name=record.key_name,
        owner_id=owner_id,
        owner_name=record.owner_name,
        account_id=account_id,
        account=record.account,
        model=model,
        dialect=dialect,
    )


def _add(kind: Kind, sums: _Sums) -> None:
    hour, key_id, owner_id, account_id, model, dialect = kind
    UsageHour.objects.filter(
        hour=hour,
        key_id=key_id,
        owner_id=owner_id,
        account_id=account_id,
        model=model,
        dialect=dialect,
    ).update(**{name: F(name) + getattr(sums, name) for name in SUMMED})
