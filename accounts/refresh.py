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
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

from django.db import Error as DatabaseError
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from accounts import kiro
from accounts.answers import CallFailed, SignInAgain, SignInAway
from accounts.blocking import NOT_BLOCKED, block, log_block
from accounts.login import Tokens
from accounts.models import Account
from accounts.outcomes import Credential, NotPermitted
from accounts.regions import BUILDER_ID_PROFILE, PROFILE_REGIONS
from accounts.signals import pool_changed
from kiro2api.database import in_database

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
LOOK_AGAIN = 0.1
# Longer than a refresh takes; whoever still waits then tries another account.
LONGEST_WAIT = kiro.CALL_SECONDS + 5
# After a failure that is not the account's: short, but others get their turn.
AWAY_PAUSE = 15.0
STORE_PAUSES = (0.2, 1.0, 3.0, 9.0)

Block = Account.Block
HEALED_BY_REFRESH = (Block.REJECTED, Block.SIGN_IN_AWAY)


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
    """A token newer than `version`. Raises NotFresh or SecretUnreadable."""
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
        if account.token_version != version:
            if account.fresh:
                return account.credential()
            version = account.token_version
        if waited and account.lease_until is None:
            raise NotFresh(account.last_error)  # whoever had the lease failed
        if await _take_lease(account, owner):
            credential = await _refresh(account, owner)
            if credential is not None:
                return credential
        waited = True
        await asyncio.sleep(LOOK_AGAIN)
    raise NotFresh("another process is still renewing the token")


@in_database
def _read(account_id: int) -> Account:
    try:
        account = Account.objects.with_secrets().get(pk=account_id)
    except Account.DoesNotExist:
        raise NotFresh("the account was deleted") from None
    if not account.refresh_token:
        raise NotFresh("it has no refresh token")
    return account


@in_database
def _take_lease(account: Account, owner: str) -> bool:
    now = timezone.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    return bool(
        Account.objects.filter(
            free, pk=account.pk, token_version=account.token_version
        ).update(lease_until=now + LEASE, lease_owner=owner)
    )


RELEASED: dict[str, Any] = {"lease_until": None, "lease_owner": ""}


async def _refresh(account: Account, owner: str) -> Credential | None:
    """With the lease in hand. None: the login was replaced meanwhile."""
    try:
        tokens = await kiro.refresh(account.login())
    except SignInAgain as error:
        if not await _reject(account, str(error)):
            return None
        await pool_changed.asend_robust(Account)
        raise NotFresh(str(error)) from error
    except SignInAway as error:
        await _postpone(account, owner, error)
        await pool_changed.asend_robust(Account)
        expires = account.access_expires_at
        if expires is not None and expires > timezone.now():
            return account.credential()  # in the last minute of its life
        raise NotFresh(str(error)) from error
    if not await _store_whatever_comes(account, tokens):
        return None
    logger.info(
        "account %s: token renewed, good until %s",
        account.name,
        tokens.expires_at.isoformat(timespec="seconds"),
    )
    credential = (await _read(account.pk)).credential()
    if not credential.profile_arn and credential.kind == "idc":
        credential = await find_profile(credential)
    await pool_changed.asend_robust(Account)
    return credential


async def _store_whatever_comes(account: Account, tokens: Tokens) -> bool:
    """The old refresh token is dead by now: a database that is away for some
    seconds must not cost the account."""
    for pause in STORE_PAUSES:
        try:
            return await _store(account, tokens)
        except DatabaseError:
            logger.exception("account %s: new token not stored yet", account.name)
            await asyncio.sleep(pause)
    return await _store(account, tokens)


@in_database
def _store(account: Account, tokens: Tokens) -> bool:
    """Tokens saved and lease released by one statement, unless the login was
    replaced. Whose lease it is does not matter: it was this refresh that worked."""
    changes: dict[str, Any] = {
        "access_token": tokens.access_token,
        "access_token_tail": tokens.access_token[-4:],
        "access_expires_at": tokens.expires_at,
        "refreshed_at": timezone.now(),
        "token_version": F("token_version") + 1,
    }
    if tokens.refresh_token:
        changes["refresh_token"] = tokens.refresh_token
    if tokens.profile_arn:
        changes["profile_arn"] = tokens.profile_arn
    healed = {
        field: Case(
            When(blocked_reason__in=HEALED_BY_REFRESH, then=Value(empty)),
            default=F(field),
        )
        for field, empty in (NOT_BLOCKED | {"last_error": ""}).items()
    }
    return bool(_same_login(account).update(**changes, **healed, **RELEASED))


@in_database
def _reject(account: Account, message: str) -> bool:
    rejected = block(
        _same_login(account), Block.REJECTED, None, last_error=message, **RELEASED
    )
    if rejected:
        log_block(account.name, account.pk)
        return True
    # Blocked by a person's matter already; the lease is still ours to give back.
    return bool(_same_login(account).update(last_error=message, **RELEASED))


@in_database
def _postpone(account: Account, owner: str, error: SignInAway) -> None:
    ours = Account.objects.filter(pk=account.pk, lease_owner=owner)
    told = {"last_error": str(error), "last_error_at": timezone.now(), **RELEASED}
    logger.warning("account %s: token not renewed: %s", account.name, error)
    if account.access_expires_at is None or account.access_expires_at <= timezone.now():
        until = timezone.now() + timedelta(seconds=error.retry_after or AWAY_PAUSE)
        if block(ours, Block.SIGN_IN_AWAY, until, **told):
            log_block(account.name, account.pk)
            return
    ours.update(**told)


def _same_login(account: Account) -> Any:
    return Account.objects.filter(pk=account.pk, token_version=account.token_version)


async def find_profile(credential: Credential) -> Credential:
    """An IdC account's profile, asked for once. Builder ID accounts list none and
    share a fixed one. When the service cannot be asked it stays open."""
    try:
        arn = await _first_profile(credential)
    except CallFailed as error:
        logger.warning("account %s: profiles not listed: %s", credential.account, error)
        return credential
    await _store_profile(credential.account_id, arn)
    return (await _read(credential.account_id)).credential()


async def _first_profile(credential: Credential) -> str:
    for region in PROFILE_REGIONS:
        try:
            if arns := await kiro.list_profiles(credential, region):
                return arns[0]
        except CallFailed as error:
            if not isinstance(error.outcome, NotPermitted):
                raise
    return BUILDER_ID_PROFILE


@in_database
def _store_profile(account_id: int, arn: str) -> None:
    Account.objects.filter(pk=account_id, profile_arn="").update(profile_arn=arn)
