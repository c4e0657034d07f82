"""Finds a credential for one request: an account, a token that is good, and if need
be the patience until there is room."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from django.utils import timezone

from accounts import slots, waiting
from accounts.choice import Choice, Wish, choose
from accounts.models import CALLING, Account
from accounts.outcomes import Credential, PoolExhausted
from accounts.refresh import NotFresh, ensure_fresh
from accounts.scarcity import why_none
from kiro2api import metrics
from kiro2api.database import in_database
from kiro2api.encryption import SecretUnreadable

logger = logging.getLogger(__name__)

# A request does not wait for the renewal of one account after the other for ever.
RENEWING_SECONDS = 30.0


async def find_any(wish: Wish) -> Credential:
    """Raises PoolExhausted."""
    finding = _Finding(wish)
    need = wish.need
    wanted = need.group, need.model, frozenset(wish.passed_over)
    lines = waiting.lines()
    if not lines.has(wanted):  # else nobody overtakes those who wait
        if found := await finding.look():
            return found
        shortage = await finding.shortage()
        if shortage.shortage != "busy":
            raise shortage
    begun = time.monotonic()
    result = "too_long"
    try:
        with lines.place(wanted) as place:
            while await place.turn():
                if found := await finding.look():
                    result = "served"
                    return found
                shortage = await finding.shortage()
                if shortage.shortage != "busy":
                    result = "no_account"
                    raise shortage
    except waiting.Crowded:
        result = "crowded"
        logger.warning("too many requests wait for an account already")
    except asyncio.CancelledError:
        result = "client_gone"
        raise
    finally:
        metrics.count("kiro2api_queue_waits_total", result)
        metrics.observe("kiro2api_queue_wait_seconds", time.monotonic() - begun)
    raise await finding.shortage()


async def find_one(account_id: int, passed_over: Collection[int]) -> Credential:
    """Of this account, if only it gets a token. Raises PoolExhausted."""
    try:
        return await ensure_fresh(await in_database(_read)(account_id, passed_over))
    except (NotFresh, SecretUnreadable) as error:
        raise PoolExhausted("named", told=str(error)) from error


def _read(account_id: int, passed_over: Collection[int]) -> Account:
    rows = Account.objects.exclude(pk__in=passed_over).with_secrets(*CALLING)
    if account := rows.filter(pk=account_id).first():
        return account
    raise NotFresh("it is gone, or has failed just now")


@dataclass(slots=True)
class _Finding:
    wish: Wish
    seconds_left: float = RENEWING_SECONDS
    """For renewing tokens."""

    async def look(self) -> Credential | None:
        """None: there is no account, or none with room."""
        while choice := await self._choose():
            account = choice.account
            begun = time.monotonic()
            try:
                with _given_back_unused(choice.slot):
                    credential = await ensure_fresh(account)
                    return replace(credential, slot=choice.slot)
            except NotFresh as error:
                logger.info("account %s passed over: %s", account.name, error)
                self.wish.passed_over.add(account.pk)
                self.wish.prefer_fresh = True
            except SecretUnreadable as error:
                logger.error("account %s passed over: %s", account.name, error)
                self.wish.unreadable.add(account.pk)
            self.seconds_left -= time.monotonic() - begun
            if self.seconds_left <= 0:
                raise PoolExhausted("cooling", timezone.now())
        return None

    async def shortage(self) -> PoolExhausted:
        return await in_database(why_none)(self.wish)

    async def _choose(self) -> Choice | None:
        choosing = asyncio.ensure_future(in_database(choose)(self.wish))
        try:
            return await asyncio.shield(choosing)
        except asyncio.CancelledError:
            # The thread goes on, and takes for nobody.
            choosing.add_done_callback(_give_back)
            raise


@contextmanager
def _given_back_unused(slot: int | None) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if slot is not None:
            slots.give_back_soon(slot)
        raise


def _give_back(choosing: asyncio.Future[Choice | None]) -> None:
    if choosing.cancelled() or choosing.exception():
        return
    if (choice := choosing.result()) and choice.slot is not None:
        slots.give_back_soon(choice.slot)
