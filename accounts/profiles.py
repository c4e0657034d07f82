"""Finds the profile an IdC account's calls must name."""

from __future__ import annotations

import logging
from dataclasses import replace

from accounts import kiro
from accounts.answers import CallFailed
from accounts.models import Account
from accounts.outcomes import Credential, NotPermitted
from accounts.regions import BUILDER_ID_PROFILE, PROFILE_REGIONS, data_region
from kiro2api.database import in_database

logger = logging.getLogger(__name__)


async def find_profile(credential: Credential) -> Credential:
    """An IdC account's profile, asked for once. Builder ID accounts list none and
    share a fixed one. When the service cannot be asked it stays open."""
    try:
        arn = await _first_profile(credential)
    except CallFailed as error:
        logger.warning("account %s: profiles not listed: %s", credential.account, error)
        return credential
    await _store_profile(credential.account_id, arn)
    return replace(credential, profile_arn=arn, region=data_region(arn))


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
