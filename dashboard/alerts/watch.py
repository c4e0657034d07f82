"""Compares how accounts and keys stand with what each channel was told of them.

One look at a time over all processes: it holds the channels' rows, so that each sees
what the one before has told. What there is to tell is written in the same
transaction, and sent after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account
from clients import periods, tallies
from clients.models import ApiKey, KeyUse
from dashboard.alerts.delivery import deliver
from dashboard.alerts.events import (
    AccountState,
    Change,
    QuotaState,
    Trouble,
    compare,
)
from dashboard.models import AlertChannel, OutgoingAlert, StandingAlert
from kiro2api.database import in_database

Limit = ApiKey.Limit
Period = KeyUse.Period

# An account that was told to slow down is not out of the pool.
BACK_SOON = timedelta(minutes=2)


async def check() -> None:
    """Look, and send what is due."""
    await in_database(look)()
    await deliver()


def look() -> None:
    enabled = AlertChannel.objects.filter(enabled=True)
    if not enabled.exists():
        return
    with transaction.atomic():
        channels = list(enabled.select_for_update(no_key=True).order_by("pk"))
        now = timezone.now()
        accounts = list(_accounts(now))
        quotas = list(_quotas(now))
        told: dict[int, list[Trouble]] = {channel.pk: [] for channel in channels}
        for row in StandingAlert.objects.filter(channel__in=channels):
            told[row.channel_id].append((row.kind, row.subject))  # type: ignore[arg-type]
        for channel in channels:
            change = compare(accounts, quotas, channel.wanted, told[channel.pk])
            _write(channel, change, now)


def _write(channel: AlertChannel, change: Change, now: datetime) -> None:
    for kind, subject in change.over:
        channel.standing_alerts.filter(kind=kind, subject=subject).delete()
    StandingAlert.objects.bulk_create(
        StandingAlert(channel=channel, kind=kind, subject=subject)
        for kind, subject in change.begun
    )
    OutgoingAlert.objects.bulk_create(
        OutgoingAlert(channel=channel, news=asdict(news), at=now, due_at=now)
        for news in change.news
    )


def _accounts(now: datetime) -> Iterator[AccountState]:
    for account in Account.objects.filter(enabled=True).in_order():
        lost = account.healed_by == "person"
        until = account.blocked_until
        back_soon = until is not None and until <= now + BACK_SOON
        yield AccountState(
            account.pk,
            account.name,
            lost=account.blocked_reason if lost else "",
            usable=(not account.blocked or back_soon) and not account.at_floor,
            credits=_spendable(account, now),
        )


def _spendable(account: Account, now: datetime) -> float | None:
    renewed = account.resets_at is not None and account.resets_at <= now
    if account.available is None or renewed:
        return None
    return max(account.available - account.credit_floor, 0.0)


def _quotas(now: datetime) -> Iterator[QuotaState]:
    has_quota = Q()
    for limit in QUOTAS:
        has_quota |= Q(**{f"{limit}__isnull": False})
    keys = ApiKey.objects.filter(has_quota, enabled=True).exclude(expires_at__lte=now)
    by_id = {key.pk: key for key in keys}
    used = tallies.uses(by_id, now)
    for key in by_id.values():
        for limit, (period, of_credits) in QUOTAS.items():
            quota: Decimal | int | None = getattr(key, limit)
            if quota is None:
                continue
            amount = used[key.pk, period]
            yield QuotaState(
                key.pk,
                key.name,
                limit,
                f"{STARTS[period](now):%Y-%m-%d}",
                amount.credits if of_credits else Decimal(amount.tokens),
                amount.requests,
                Decimal(quota),
            )


QUOTAS = {
    Limit.CREDITS_PER_DAY: (Period.DAY, True),
    Limit.CREDITS_PER_MONTH: (Period.MONTH, True),
    Limit.TOKENS_PER_DAY: (Period.DAY, False),
    Limit.TOKENS_PER_MONTH: (Period.MONTH, False),
}
STARTS = {Period.DAY: periods.day_of, Period.MONTH: periods.month_of}
