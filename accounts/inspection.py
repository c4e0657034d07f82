"""Looks whether an account works: renews its token, asks for credits and models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from accounts.modellist import ModelLimits
from accounts.models import Account
from accounts.offers import ask_for_models
from accounts.outcomes import Credential
from accounts.reading import read_usage
from accounts.refresh import NotFresh, renew
from accounts.usage import Usage
from kiro2api.database import in_database


@dataclass(frozen=True, slots=True)
class Inspection:
    usage: Usage
    models: Mapping[str, ModelLimits]


async def inspect(account_id: int) -> Inspection:
    """Raises NotFresh, CallFailed or SecretUnreadable; their text is for people."""
    await renew_now(account_id)
    usage = await read_usage(account_id)
    return Inspection(usage, await ask_for_models(account_id))


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
