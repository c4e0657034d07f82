"""The only door to the accounts for proxy: checkout a credential, settle its outcome.

Sequential and sticky: the first usable account in order, until it is not. What
the pool knows stands in the database alone, so every process sees the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from django.db import Error as DatabaseError
from django.utils import timezone

from accounts import offers, settlement
from accounts.modellist import PoolModels
from accounts.models import CALLING, Account, AccountQuerySet
from accounts.outcomes import (
    ANY_ACCOUNT,
    Cancelled,
    Credential,
    ModelMissing,
    Need,
    Outcome,
    PoolExhausted,
    Served,
)
from accounts.reading import read_models_soon, read_soon
from accounts.refresh import NotFresh, ensure_fresh
from accounts.signals import announce_now
from kiro2api.database import in_database
from kiro2api.encryption import SecretUnreadable

logger = logging.getLogger(__name__)

# A request does not wait for the renewal of one account after the other for ever.
RENEWING_SECONDS = 30.0


async def checkout(
    need: Need = ANY_ACCOUNT, exclude: Collection[int] = ()
) -> Credential:
    """A credential with a valid token, of an account that serves the need and is
    not in `exclude`. Raises PoolExhausted."""
    try:
        return await _checkout(need.model, set(exclude))
    except DatabaseError as error:
        logger.error("the accounts cannot be read: %s", type(error).__name__)
        raise PoolExhausted("away") from error


async def _checkout(model: str, passed_over: set[int]) -> Credential:
    loop = asyncio.get_running_loop()
    give_up = loop.time() + RENEWING_SECONDS
    unreadable: set[int] = set()
    renewing_failed = False
    while loop.time() < give_up:
        account = await _first_usable(
            model, passed_over, unreadable, prefer_fresh=renewing_failed
        )
        if account is None:
            break
        try:
            return await ensure_fresh(account)
        except NotFresh as error:
            logger.info("account %s passed over: %s", account.name, error)
            passed_over.add(account.pk)
            renewing_failed = True
        except SecretUnreadable as error:
            logger.error("account %s passed over: %s", account.name, error)
            unreadable.add(account.pk)
    exhausted = await _shortage(model, unreadable)
    logger.warning("no account for model %r: %s", model, exhausted.shortage)
    raise exhausted


async def settle(credential: Credential, outcome: Outcome) -> None:
    """Write how the use of a credential ended. When the database is away the
    outcome is lost, and the log says so: the reply itself may well be good."""
    try:
        await in_database(settlement.settle)(credential, outcome)
    except DatabaseError as error:
        logger.error(
            "account %s: outcome lost, the accounts cannot be written: %s %s",
            credential.account,
            type(outcome).__name__,
            type(error).__name__,
        )
        return
    if isinstance(outcome, ModelMissing):
        read_models_soon(credential)
    elif credential.usage_due and isinstance(outcome, Served | Cancelled):
        read_soon(credential)
    await announce_now()


async def available_models() -> PoolModels:
    """What the accounts in service list, together; at most some seconds old."""
    return await offers.available_models()


@in_database
def _first_usable(
    model: str, passed_over: set[int], unreadable: set[int], prefer_fresh: bool
) -> Account | None:
    """`prefer_fresh`: once renewing has failed, those that need none come first.
    Accounts whose token cannot be decrypted are put into `unreadable`."""
    now = timezone.now()
    offering = Account.objects.usable(now).offering(model)
    usable = offering.exclude(pk__in=passed_over).in_order()
    if prefer_fresh and (fresh := _first_readable(usable.fresh(now), unreadable)):
        return fresh
    return _first_readable(usable, unreadable)


def _first_readable(rows: AccountQuerySet, unreadable: set[int]) -> Account | None:
    while True:
        left = rows.exclude(pk__in=unreadable)
        try:
            return left.with_secrets(*CALLING).first()
        except SecretUnreadable as error:
            pk, name = left.values_list("pk", "name")[0]
            logger.error("account %s passed over: %s", name, error)
            unreadable.add(pk)


@in_database
def _shortage(model: str, unreadable: set[int]) -> PoolExhausted:
    """Why there is none; the account that heals first decides."""
    now = timezone.now()
    enabled = Account.objects.filter(enabled=True)
    offering = enabled.offering(model)
    if not offering.exists():
        return PoolExhausted("no_model" if enabled.exists() else "none", model=model)
    readable = offering.exclude(pk__in=unreadable)
    if readable.usable(now).exists():  # tried for this request already
        return PoolExhausted("cooling", now)
    healing = readable.filter(blocked_until__gt=now).order_by("blocked_until")
    if (first := healing.first()) is not None:
        quota = first.blocked_reason == Account.Block.QUOTA
        return PoolExhausted("quota" if quota else "cooling", first.blocked_until)
    return PoolExhausted("rejected")
