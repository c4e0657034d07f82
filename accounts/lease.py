"""The lease: one process's right, for a minute, to renew one account's token.

Each step is one conditional UPDATE, the same on SQLite and Postgres. What came of
the refresh is written by the statement that gives the lease back.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from accounts.answers import SignInAway
from accounts.blocking import NOT_BLOCKED, block, log_block
from accounts.login import Tokens
from accounts.models import Account, AccountQuerySet
from kiro2api.database import in_database

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
# After a failure that is not the account's: short, but others get their turn.
AWAY_PAUSE = 15.0

Block = Account.Block
HEALED_BY_REFRESH = (Block.REJECTED, Block.SIGN_IN_AWAY)
RELEASED: dict[str, Any] = {"lease_until": None, "lease_owner": ""}


@in_database
def take_lease(account: Account, owner: str) -> bool:
    now = timezone.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    return bool(
        Account.objects.filter(
            free, pk=account.pk, token_version=account.token_version
        ).update(lease_until=now + LEASE, lease_owner=owner)
    )


@in_database
def store(account: Account, tokens: Tokens) -> bool:
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
def reject(account: Account, message: str) -> bool:
    rejected = block(
        _same_login(account), Block.REJECTED, None, last_error=message, **RELEASED
    )
    if rejected:
        log_block(account.name, account.pk)
        return True
    # Blocked by a person's matter already; the lease is still ours to give back.
    return bool(_same_login(account).update(last_error=message, **RELEASED))


@in_database
def postpone(account: Account, owner: str, error: SignInAway) -> None:
    ours = Account.objects.filter(pk=account.pk, lease_owner=owner)
    told = {"last_error": str(error), "last_error_at": timezone.now(), **RELEASED}
    logger.warning("account %s: token not renewed: %s", account.name, error)
    if account.access_expires_at is None or account.access_expires_at <= timezone.now():
        until = timezone.now() + timedelta(seconds=error.retry_after or AWAY_PAUSE)
        if block(ours, Block.SIGN_IN_AWAY, until, **told):
            log_block(account.name, account.pk)
            return
    ours.update(**told)


def _same_login(account: Account) -> AccountQuerySet:
    return Account.objects.filter(pk=account.pk, token_version=account.token_version)
