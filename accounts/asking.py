"""Asks the service something about an account, with a token that it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from accounts.answers import CallFailed
from accounts.models import CALLING, Account
from accounts.outcomes import Credential, TokenRefused
from accounts.refresh import NotFresh, ensure_fresh
from accounts.settlement import settle
from kiro2api.database import in_database

T = TypeVar("T")


async def ask(
    account_id: int, question: Callable[[Credential], Awaitable[T]]
) -> tuple[Credential, T]:
    """The answer, and with which credential it was got. Raises NotFresh, CallFailed
    or SecretUnreadable."""
    credential = await ensure_fresh(await _get(account_id))
    try:
        return credential, await question(credential)
    except CallFailed as error:
        if not isinstance(error.outcome, TokenRefused):
            raise
        # Worn out before its time: dropped, and once more with a new one.
        await in_database(settle)(credential, error.outcome)
    credential = await ensure_fresh(await _get(account_id))
    return credential, await question(credential)


@in_database
def _get(account_id: int) -> Account:
    try:
        return Account.objects.with_secrets(*CALLING).get(pk=account_id)
    except Account.DoesNotExist:
        raise NotFresh("the account was deleted") from None
