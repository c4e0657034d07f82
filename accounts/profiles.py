"""Finds the profile an account's calls must name, where its sign-in does not tell."""

from __future__ import annotations

import logging
from dataclasses import replace

from accounts import kiro
from accounts.answers import CallFailed
from accounts.models import Account
from accounts.outcomes import Credential, Kind, NotPermitted
from accounts.regions import BUILDER_ID_PROFILE, PROFILE_REGIONS, data_region
from kiro2api.database import in_database

logger = logging.getLogger(__name__)

# Social sign-in tells it with each token, and nobody tells it for an API key.
FOUND_FOR: frozenset[Kind] = frozenset({"idc", "builder_id", "external_idp"})


async def find_profile(credential: Credential) -> Credential:
    """With its profile, if one is found. When the service cannot be asked it stays
    open."""
    try:
        return await ask_for_profile(credential)
    except CallFailed as error:
        logger.warning("account %s: profiles not listed: %s", credential.account, error)
        return credential


async def ask_for_profile(credential: Credential) -> Credential:
    """Asked for once and kept; unchanged where there is none. Raises CallFailed."""
    if credential.profile_arn or credential.kind not in FOUND_FOR:
        return credential
    if arn := await _first_profile(credential):
        await _store_profile(credential.account_id, arn)
    return replace(credential, profile_arn=arn, region=data_region(arn))


async def _first_profile(credential: Credential) -> str:
    """Builder ID accounts list none and share a fixed one; so do logins of that kind
    which came in as IdC."""
    if credential.kind == "builder_id":
        return BUILDER_ID_PROFILE
    for region in PROFILE_REGIONS:
        try:
            if arns := await kiro.list_profiles(credential, region):
                return arns[0]
        except CallFailed as error:
            if not isinstance(error.outcome, NotPermitted):
                raise
    return BUILDER_ID_PROFILE if credential.kind == "idc" else ""


@in_database
def _store_profile(account_id: int, arn: str) -> None:
    Account.objects.filter(pk=account_id, profile_arn="").update(profile_arn=arn)
