"""Slots: the places on an account that takes only so many requests at once, or a
minute, in all processes together.

A slot is taken with the account's row locked, so that two never take the last one.
It is given back when the request is over, and by time when its process was killed.
For a minute it counts on as one that was begun.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from weakref import WeakKeyDictionary

from django.db.models import Q
from django.utils import timezone

from accounts import waiting
from accounts.models import MINUTE, Account, Slot
from kiro2api.database import in_database

logger = logging.getLogger(__name__)

# Longer than any client waits for a reply. What lasts longer still gives its place
# up early: better than an account that rests for a process that is gone.
LASTS_MOST = timedelta(minutes=15)

_returns: WeakKeyDictionary[asyncio.AbstractEventLoop, set[asyncio.Task[None]]] = (
    WeakKeyDictionary()
)


def take(account_id: int) -> int | None:
    """In a transaction. None: there is no room any more, or the account is gone."""
    rows = Account.objects.filter(pk=account_id)
    # First the lock, then the counting: a statement sees what was there as it began.
    list(rows.select_for_update(no_key=True).values_list("pk"))
    now = timezone.now()
    if not rows.with_room(now).exists():
        return None
    over = Q(released=True) | Q(until__lte=now)
    Slot.objects.filter(over, account=account_id, taken_at__lte=now - MINUTE).delete()
    slot = Slot.objects.create(
        account_id=account_id, taken_at=now, until=now + LASTS_MOST
    )
    return slot.pk


def release(slot: int) -> None:
    Slot.objects.filter(pk=slot).update(released=True)


async def give_back(slot: int) -> None:
    await in_database(release)(slot)
    waiting.look_again()


def give_back_soon(slot: int) -> None:
    """For a request that is being cancelled, which must not wait for anything."""
    returns = _returns.setdefault(asyncio.get_running_loop(), set())
    task = asyncio.create_task(_give_back_in_peace(slot))
    returns.add(task)
    task.add_done_callback(returns.discard)


async def _give_back_in_peace(slot: int) -> None:
    try:
        await give_back(slot)
    except Exception:
        logger.exception("a slot was not given back: time will")


async def finish() -> None:
    """Wait for what is being given back in this loop."""
    await asyncio.gather(*_returns.get(asyncio.get_running_loop(), set()))
