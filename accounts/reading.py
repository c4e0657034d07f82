"""Reads an account's usage figures: after a request by a task of its own, or when
a person asks; never before a request."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from weakref import WeakKeyDictionary

from django.db.models import Q
from django.utils import timezone

from accounts import kiro
from accounts.answers import CallFailed
from accounts.blocking import NOT_BLOCKED, block, log_block, quota_reset
from accounts.fields import SecretUnreadable
from accounts.models import USAGE_EVERY, Account
from accounts.outcomes import Credential, TokenRefused
from accounts.refresh import NotFresh, ensure_fresh
from accounts.settlement import settle
from accounts.signals import announce_now
from accounts.usage import Usage
from kiro2api.database import in_database

logger = logging.getLogger(__name__)

Block = Account.Block

_readings: WeakKeyDictionary[asyncio.AbstractEventLoop, set[asyncio.Task[None]]] = (
    WeakKeyDictionary()
)


def read_usage_soon(credential: Credential) -> None:
    """Start a reading and do not wait for it."""
    running = _readings.setdefault(asyncio.get_running_loop(), set())
    task = asyncio.create_task(_read_if_due(credential))
    running.add(task)
    task.add_done_callback(running.discard)


async def finish() -> None:
    """Wait for the readings under way in this loop; each is bounded in time."""
    running = _readings.get(asyncio.get_running_loop(), set())
    await asyncio.gather(*running, return_exceptions=True)


async def _read_if_due(credential: Credential) -> None:
    try:
        if await _claim(credential.account_id):
            await read_usage(credential.account_id)
    except (CallFailed, NotFresh, SecretUnreadable) as error:
        logger.warning("account %s: usage not read: %s", credential.account, error)
    except Exception:
        logger.exception("account %s: usage not read", credential.account)


@in_database
def _claim(account_id: int) -> bool:
    """One reading per account every five minutes, whichever process comes first."""
    now = timezone.now()
    due = Q(usage_asked_at__isnull=True) | Q(usage_asked_at__lte=now - USAGE_EVERY)
    return bool(Account.objects.filter(due, pk=account_id).update(usage_asked_at=now))


async def read_usage(account_id: int) -> Usage:
    """Ask now and store the figures. Raises NotFresh, CallFailed or
    SecretUnreadable."""
    asked = timezone.now()
    credential = await ensure_fresh(await _get(account_id))
    try:
        usage = await kiro.usage_limits(credential)
    except CallFailed as error:
        if not isinstance(error.outcome, TokenRefused):
            raise
        # Worn out before its time: dropped, and once more with a new one.
        await in_database(settle)(credential, error.outcome)
        credential = await ensure_fresh(await _get(account_id))
        usage = await kiro.usage_limits(credential)
    await _store(credential, usage, asked)
    await announce_now()
    return usage


@in_database
def _get(account_id: int) -> Account:
    try:
        return Account.objects.with_secrets("access_token").get(pk=account_id)
    except Account.DoesNotExist:
        raise NotFresh("the account was deleted") from None


@in_database
def _store(credential: Credential, usage: Usage, asked: datetime) -> None:
    rows = Account.objects.filter(pk=credential.account_id)
    known = {"email": usage.email[:254], "plan": usage.plan[:100]}
    rows.update(
        **{name: text for name, text in known.items() if text},
        credits_limit=usage.limit,
        credits_used=usage.used,
        available=usage.available,
        resets_at=usage.resets_at,
        usage_read_at=timezone.now(),
        usage_asked_at=asked,
    )
    if usage.exhausted:
        if block(rows, Block.QUOTA, quota_reset(usage.resets_at)):
            log_block(credential.account, credential.account_id)
        return
    # Credits came back before their date: bought, or given.
    paid = rows.filter(blocked_reason=Block.QUOTA, blocked_since__lt=asked)
    if usage.available and paid.update(**NOT_BLOCKED):
        logger.info("account %s: has credits again", credential.account)
