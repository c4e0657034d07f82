"""Reads an account's usage figures: after a request by a task of its own, or when
a person asks; never before a request. Its list of models comes along when it is old."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from django.db.models import Q
from django.utils import timezone

from accounts import kiro
from accounts.answers import CallFailed
from accounts.asking import ask
from accounts.blocking import NOT_BLOCKED, block, log_block, quota_reset
from accounts.models import USAGE_EVERY, Account
from accounts.offers import ask_for_models
from accounts.outcomes import Credential
from accounts.refresh import NotFresh
from accounts.signals import announce_now
from accounts.usage import Usage
from kiro2api.database import in_database
from kiro2api.encryption import SecretUnreadable

logger = logging.getLogger(__name__)

Block = Account.Block

MODELS_EVERY = timedelta(hours=1)
MODELS_AFTER_REFUSAL = timedelta(minutes=5)

_readings: WeakKeyDictionary[asyncio.AbstractEventLoop, set[asyncio.Task[None]]] = (
    WeakKeyDictionary()
)


def read_soon(credential: Credential) -> None:
    """Start a reading of what is due and do not wait for it."""
    _start(_read_what_is_due(credential))


def read_models_soon(credential: Credential) -> None:
    """Likewise of the models alone, as the list has proved wrong."""
    _start(_read_models(credential, MODELS_AFTER_REFUSAL))


def _start(reading: Coroutine[Any, Any, None]) -> None:
    running = _readings.setdefault(asyncio.get_running_loop(), set())
    task = asyncio.create_task(reading)
    running.add(task)
    task.add_done_callback(running.discard)


async def finish() -> None:
    """Wait for the readings under way in this loop; each is bounded in time."""
    running = _readings.get(asyncio.get_running_loop(), set())
    await asyncio.gather(*running, return_exceptions=True)


async def _read_what_is_due(credential: Credential) -> None:
    await _read_usage(credential)
    await _read_models(credential, MODELS_EVERY)


async def _read_usage(credential: Credential) -> None:
    with _logged(credential, "usage"):
        if await _claim(credential.account_id, "usage_asked_at", USAGE_EVERY):
            await read_usage(credential.account_id)


async def _read_models(credential: Credential, every: timedelta) -> None:
    with _logged(credential, "models"):
        if await _claim(credential.account_id, "models_asked_at", every):
            await ask_for_models(credential.account_id)


@contextmanager
def _logged(credential: Credential, what: str) -> Iterator[None]:
    """What goes wrong ends here: nobody waits for these readings."""
    try:
        yield
    except (CallFailed, NotFresh, SecretUnreadable) as error:
        logger.warning("account %s: %s not read: %s", credential.account, what, error)
    except Exception:
        logger.exception("account %s: %s not read", credential.account, what)


@in_database
def _claim(account_id: int, asked_at: str, every: timedelta) -> bool:
    """One reading per account in that time, whichever process comes first."""
    now = timezone.now()
    due = Q(**{asked_at: None}) | Q(**{f"{asked_at}__lte": now - every})
    rows = Account.objects.filter(due, pk=account_id)
    return bool(rows.update(**{asked_at: now}))


async def read_usage(account_id: int) -> Usage:
    """Ask now and store the figures. Raises NotFresh, CallFailed or
    SecretUnreadable."""
    asked = timezone.now()
    credential, usage = await ask(account_id, kiro.usage_limits)
    await _store(credential, usage, asked)
    await announce_now()
    return usage


@in_database
def _store(credential: Credential, usage: Usage, asked: datetime) -> None:
    rows = Account.objects.filter(pk=credential.account_id)
    known = {"email": usage.email[:254], "plan": usage.plan[:100]}
    rows.update(
        **{name: text for name, text in known.items() if text},
        credits_limit=usage.limit,
        credits_used=usage.used,
        available=usage.available,
        credit_sources=[asdict(source) for source in usage.sources],
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
