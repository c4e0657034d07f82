"""Keeps access tokens valid: one refresh at a time per account, in all processes.

The right to refresh is a lease in the row, taken by a conditional UPDATE and dead
after a minute if its holder is. No lock and no transaction is open while the
sign-in service is asked. In a process all who need the same account's token wait
for one task, which goes on when they hang up: a rotated refresh token that is not
stored is an account lost.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from weakref import WeakKeyDictionary

from django.db import Error as DatabaseError
from django.utils import timezone

from accounts import kiro, lease
from accounts.answers import SignInAgain, SignInAway
from accounts.login import Tokens
from accounts.models import Account
from accounts.outcomes import Credential
from accounts.profiles import find_profile
from accounts.signals import announce_now
from kiro2api import metrics
from kiro2api.database import in_database

logger = logging.getLogger(__name__)

LOOK_AGAIN = 0.1
# Longer than a refresh takes; whoever still waits then tries another account.
LONGEST_WAIT = kiro.CALL_SECONDS + 5
STORE_PAUSES = (0.2, 1.0, 3.0, 9.0)


class NotFresh(Exception):
    """The account has no valid token and could not get one now. The text says why
    in plain words."""


_renewals: WeakKeyDictionary[
    asyncio.AbstractEventLoop, dict[int, asyncio.Task[Credential]]
] = WeakKeyDictionary()


async def ensure_fresh(account: Account) -> Credential:
    """`account` as read with its access token; renewed only if it must be."""
    if account.fresh:
        return account.credential()
    return await renew(account.pk, account.token_version)


async def renew(account_id: int, version: int) -> Credential:
    """A token newer than `version`; an API key as it is. Raises NotFresh or
    SecretUnreadable."""
    running = _renewals.setdefault(asyncio.get_running_loop(), {})
    task = running.get(account_id)
    if task is None:
        task = asyncio.create_task(_renew(account_id, version))
        running[account_id] = task
        task.add_done_callback(lambda done: _finished(running, account_id, done))
    return await asyncio.shield(task)


def _finished(
    running: dict[int, asyncio.Task[Credential]],
    account_id: int,
    task: asyncio.Task[Credential],
) -> None:
    del running[account_id]
    # Looked at here too, as everyone who waited may have hung up.
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, NotFresh):
        logger.error("a token could not be renewed", exc_info=error)


async def _renew(account_id: int, version: int) -> Credential:
    owner = secrets.token_hex(16)
    waited = False
    give_up = asyncio.get_running_loop().time() + LONGEST_WAIT
    while asyncio.get_running_loop().time() < give_up:
        account = await _read(account_id)
        if account.kind == Account.Kinds.API_KEY:
            return account.credential()
        if account.token_version != version:
            if account.fresh:
                return account.credential()
            version, waited = account.token_version, False  # a new login
        if waited and account.lease_until is None:
            raise NotFresh(account.last_error)  # whoever had the lease failed
        if await lease.take_lease(account, owner):
            credential = await _refresh(account, owner)
            if credential is not None:
                return credential
            continue
        if not waited:
            logger.debug("account %s: renewed by another process", account.name)
        waited = True
        await asyncio.sleep(LOOK_AGAIN)
    raise NotFresh("another process is still renewing the token")


@in_database
def _read(account_id: int) -> Account:
    try:
        account = Account.objects.with_secrets().get(pk=account_id)
    except Account.DoesNotExist:
        raise NotFresh("the account was deleted") from None
    if account.kind == Account.Kinds.API_KEY:
        if not account.api_key:
            raise NotFresh("it has no API key")
    elif not account.refresh_token:
        raise NotFresh("it has no refresh token")
    return account


async def _refresh(account: Account, owner: str) -> Credential | None:
    """With the lease in hand. None: the login was replaced meanwhile."""
    try:
        tokens = await kiro.refresh(account.login())
    except SignInAgain as error:
        metrics.count("kiro2api_refreshes_total", account.name, "refused")
        if not await lease.reject(account, str(error)):
            return None
        await announce_now()
        raise NotFresh(str(error)) from error
    except SignInAway as error:
        metrics.count("kiro2api_refreshes_total", account.name, "failed")
        await lease.postpone(account, owner, error)
        await announce_now()
        expires = account.access_expires_at
        if expires is not None and expires > timezone.now():
            return account.credential()  # in the last minute of its life
        raise NotFresh(str(error)) from error
    if not await _store_whatever_comes(account, tokens):
        return None
    metrics.count("kiro2api_refreshes_total", account.name, "renewed")
    logger.info(
        "account %s: token renewed, good until %s",
        account.name,
        tokens.expires_at.isoformat(timespec="seconds"),
    )
    credential = await find_profile((await _read(account.pk)).credential())
    await announce_now()
    return credential


async def _store_whatever_comes(account: Account, tokens: Tokens) -> bool:
    """The old refresh token is dead by now: a database that is away for some
    seconds must not cost the account."""
    for pause in STORE_PAUSES:
        try:
            return await lease.store(account, tokens)
        except DatabaseError:
            logger.exception("account %s: new token not stored yet", account.name)
            await asyncio.sleep(pause)
    return await lease.store(account, tokens)
