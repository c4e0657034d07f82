"""What the background worker does for the accounts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from accounts import sessions
from accounts.answers import CallFailed
from accounts.importing import upload
from accounts.models import USAGE_EVERY, Account, Slot
from accounts.offers import ask_for_models
from accounts.reading import read_usage
from accounts.refresh import NotFresh, renew
from accounts.signin import flow
from kiro2api import http
from kiro2api.encryption import SecretUnreadable
from kiro2api.periodic import every

logger = logging.getLogger(__name__)

# Accounts that rest are left alone.
IN_USE = timedelta(hours=1)
REFRESH_AHEAD = timedelta(minutes=10)
AT_ONCE = 8


@every(minutes=1)
def refresh_ahead() -> None:
    """Nobody's request waits for a token of an account in use."""
    now = timezone.now()
    expiring = (
        Account.objects.in_service()
        .filter(
            Q(blocked_until=None) | Q(blocked_until__lte=now + REFRESH_AHEAD),
            last_used_at__gte=now - IN_USE,
            access_expires_at__lte=now + REFRESH_AHEAD,
        )
        .exclude(kind=Account.Kinds.API_KEY)
    )
    due = {account.pk: account for account in expiring}
    if due:
        names = {pk: account.name for pk, account in due.items()}
        http.run(lambda: _each(names, lambda pk: renew(pk, due[pk].token_version)))


@every(minutes=1)
def read_what_is_due() -> None:
    """Credits of accounts in use, every five minutes. One that nobody has asked yet
    is asked, once, for its credits and models."""
    now = timezone.now()
    in_use = Q(last_used_at__gte=now - IN_USE, usage_asked_at__lte=now - USAGE_EVERY)
    usage = _claimed(Q(usage_asked_at=None) | in_use, "usage_asked_at")
    models = _claimed(Q(models_asked_at=None), "models_asked_at")
    if usage:
        http.run(lambda: _each(usage, read_usage))
    if models:
        http.run(lambda: _each(models, ask_for_models))


@every(minutes=1)
def finish_sign_ins() -> None:
    """Also those whose page was closed."""
    http.run(flow.finish_waiting)


@every(minutes=10)
def forget_what_is_over() -> None:
    upload.forget_old()
    sessions.forget_old()
    # Each request takes those of its account along; these are left of others.
    Slot.objects.filter(until__lte=timezone.now()).delete()


def _claimed(due: Q, asked_at: str) -> dict[int, str]:
    """Names of the accounts in service that are due, by their ids: asked by this
    process, and by nobody else."""
    rows = Account.objects.in_service().filter(due)
    now = timezone.now()
    return {
        pk: name
        for pk, name in list(rows.values_list("pk", "name"))
        if rows.filter(pk=pk).update(**{asked_at: now})
    }


async def _each(
    names: Mapping[int, str], ask: Callable[[int], Awaitable[object]]
) -> None:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(account_id: int, name: str) -> None:
        async with turns:
            try:
                await ask(account_id)
            except (NotFresh, CallFailed, SecretUnreadable) as error:
                logger.warning("account %s: asked in vain: %s", name, error)

    await asyncio.gather(*(one(pk, name) for pk, name in names.items()))
