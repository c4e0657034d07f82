"""Looks whether an account works: renews its token, asks for credits and models."""

from __future__ import annotations

from dataclasses import dataclass

from accounts import kiro
from accounts.answers import CallFailed
from accounts.models import Account
from accounts.outcomes import Credential, Suspended
from accounts.reading import read_usage
from accounts.refresh import NotFresh, renew
from accounts.settlement import settle
from accounts.usage import Usage
from kiro2api.database import in_database


@dataclass(frozen=True, slots=True)
class Inspection:
    usage: Usage
    models: list[str]


async def inspect(account_id: int) -> Inspection:
    """Raises NotFresh, CallFailed or SecretUnreadable; their text is for people."""
    credential = await renew_now(account_id)
    usage = await read_usage(account_id)
    try:
        # A suspended account still tells its credits, but lists no models.
        models = await kiro.list_models(credential)
    except CallFailed as error:
        if isinstance(error.outcome, Suspended):
            await in_database(settle)(credential, error.outcome)
        raise
    return Inspection(usage, models)


async def renew_now(account_id: int) -> Credential:
    """A new token, however good the old one is. Raises NotFresh, SecretUnreadable."""
    version = await _token_version(account_id)
    if version is None:
        raise NotFresh("the account was deleted")
    return await renew(account_id, version)


@in_database
def _token_version(account_id: int) -> int | None:
    versions = Account.objects.filter(pk=account_id).values_list("token_version")
    return next((version for (version,) in versions), None)
