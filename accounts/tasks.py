"""What the background worker does for the accounts."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.models import Account
from accounts.refresh import NotFresh, renew
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
    due = list(expiring.values_list("pk", "name", "token_version"))
    if due:
        http.run(lambda: _renew_all(due))


async def _renew_all(due: list[tuple[int, str, int]]) -> None:
    turns = asyncio.Semaphore(AT_ONCE)

    async def renew_one(account_id: int, name: str, version: int) -> None:
        async with turns:
            try:
                await renew(account_id, version)
            except (NotFresh, SecretUnreadable) as error:
                logger.warning("account %s: not renewed ahead: %s", name, error)

    await asyncio.gather(*(renew_one(*account) for account in due))
