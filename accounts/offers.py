"""Which models the accounts have: asked of the service, kept in the row, told as a
whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from weakref import WeakKeyDictionary

import msgspec
from django.db import Error as DatabaseError
from django.utils import timezone

from accounts import kiro
from accounts.answers import CallFailed
from accounts.asking import ask
from accounts.modellist import ModelLimits, PoolModels, shared_limits
from accounts.models import Account
from accounts.outcomes import Credential, Suspended
from accounts.settlement import settle
from kiro2api.database import in_database

logger = logging.getLogger(__name__)

# So long a process may not know what another one has learned.
REMEMBERED_SECONDS = 5.0

NOTHING_TOLD = PoolModels({}, complete=False)

# By loop: until when, and what.
_remembered: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[float, PoolModels]] = (
    WeakKeyDictionary()
)


async def ask_for_models(account_id: int) -> Mapping[str, ModelLimits]:
    """Ask now and keep the list. Raises NotFresh, CallFailed or SecretUnreadable."""
    asked = await _mark_asked(account_id)
    _, models = await ask(account_id, _list_models)
    await _store(account_id, models, asked)
    return models


async def _list_models(credential: Credential) -> dict[str, ModelLimits]:
    try:
        return await kiro.list_models(credential)
    except CallFailed as error:
        # A suspended account still tells its credits, but lists no models.
        if isinstance(error.outcome, Suspended):
            await in_database(settle)(credential, error.outcome)
        raise


@in_database
def _mark_asked(account_id: int) -> datetime:
    now = timezone.now()
    Account.objects.filter(pk=account_id).update(models_asked_at=now)
    return now


@in_database
def _store(account_id: int, models: Mapping[str, ModelLimits], asked: datetime) -> None:
    """Unless it was asked again since, or has got another login."""
    Account.objects.filter(pk=account_id, models_asked_at=asked).update(
        offered_models={model_id: asdict(said) for model_id, said in models.items()},
        models_read_at=timezone.now(),
    )


async def available_models() -> PoolModels:
    """What the accounts in service list; at most some seconds old. While the
    database is away, what was last known."""
    loop = asyncio.get_running_loop()
    until, models = _remembered.get(loop, (0.0, NOTHING_TOLD))
    if loop.time() < until:
        return models
    if loop in _remembered:
        # One reads anew; whoever comes meanwhile goes on with what there is.
        _remembered[loop] = (loop.time() + REMEMBERED_SECONDS, models)
    try:
        models = await _read()
    except DatabaseError as error:
        logger.error("the lists of models cannot be read: %s", type(error).__name__)
        return models
    _remembered[loop] = (loop.time() + REMEMBERED_SECONDS, models)
    return models


@in_database
def _read() -> PoolModels:
    lists = Account.objects.in_service().values_list("offered_models", "models_read_at")
    limits: dict[str, ModelLimits] = {}
    told = []
    for stored, read_at in lists:
        told.append(read_at is not None)
        for model_id, said in msgspec.convert(stored, dict[str, ModelLimits]).items():
            known = limits.get(model_id)
            limits[model_id] = shared_limits(known, said) if known else said
    return PoolModels(limits, complete=bool(told) and all(told))
