"""The only door to the accounts for proxy: checkout a credential, settle its outcome.

What the pool knows stands in the database alone, so every process sees the same.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

from django.db import Error as DatabaseError

from accounts import finding, offers, settlement, slots, waiting
from accounts.choice import Wish
from accounts.modellist import PoolModels
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
from accounts.signals import announce_now
from accounts.uses import Uses
from kiro2api.database import in_database

logger = logging.getLogger(__name__)


async def checkout(
    need: Need = ANY_ACCOUNT, exclude: Collection[int] = ()
) -> Credential:
    """A credential with a valid token, of an account that serves the need and is
    not in `exclude`. It is to be settled or given back. Raises PoolExhausted."""
    try:
        if need.account_id is not None:
            return await finding.find_one(need.account_id, exclude)
        return await finding.find_any(Wish(need, set(exclude)))
    except PoolExhausted as exhausted:
        why = exhausted.told or exhausted.shortage
        logger.warning("no account for model %r: %s", need.model, why)
        raise
    except DatabaseError as error:
        logger.error("the accounts cannot be read: %s", type(error).__name__)
        raise PoolExhausted("away") from error


async def settle(credential: Credential, outcome: Outcome) -> None:
    """Write how the use of a credential ended, while its request goes on. When the
    database is away the outcome is lost, and the log says so: the reply itself may
    well be good."""
    try:
        await write(credential, outcome)
    except DatabaseError as error:
        logger.error(
            "account %s: outcome lost, the accounts cannot be written: %s %s",
            credential.account,
            type(outcome).__name__,
            type(error).__name__,
        )


async def write(credential: Credential, outcome: Outcome) -> None:
    """The same for whoever can wait and try again. Raises DatabaseError."""
    await in_database(settlement.settle)(credential, outcome)
    if credential.slot is not None:
        waiting.look_again()
    if isinstance(outcome, ModelMissing):
        read_models_soon(credential)
    elif credential.usage_due and isinstance(outcome, Served | Cancelled):
        read_soon(credential)
    await announce_now()


async def count(uses: Mapping[int, Uses]) -> None:
    """Write uses that need only be counted, by account. When the database is away
    nothing is written, and its error raised."""
    await in_database(settlement.count)(uses)
    await announce_now()


async def give_back(credential: Credential) -> None:
    """For a use that tells nothing of the account. Once more does no harm."""
    if credential.slot is None:
        return
    try:
        await slots.give_back(credential.slot)
    except DatabaseError as error:
        logger.error("account %s: %s", credential.account, type(error).__name__)


async def available_models() -> PoolModels:
    """What the accounts in service list, together; at most some seconds old."""
    return await offers.available_models()
