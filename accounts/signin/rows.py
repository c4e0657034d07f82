"""The rows of sign-ins: who may go on with one, and how it ends.

Each step is one conditional UPDATE. What a sign-in waits with goes by the statement
that ends it.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from accounts.models import SignIn
from kiro2api.database import in_database
from kiro2api.encryption import SecretUnreadable

logger = logging.getLogger(__name__)

MOST_WAITING = 10
KEPT_FOR = timedelta(days=1)
SECRETS = (
    "client_id",
    "client_secret",
    "device_code",
    "code_verifier",
    "nonce",
    "proxy_url",
)
FORGOTTEN = dict.fromkeys(SECRETS, "")


class TooMany(Exception):
    """The person has as many sign-ins waiting as one may have."""


def end(
    rows: models.QuerySet[SignIn], state: SignIn.State, told: str = "", **changes: Any
) -> bool:
    """False: they have ended already."""
    waiting = rows.filter(state=SignIn.State.WAITING)
    return bool(waiting.update(state=state, told=told, **FORGOTTEN, **changes))


def row_of(sign_in: SignIn) -> models.QuerySet[SignIn]:
    return SignIn.objects.filter(pk=sign_in.pk)


@in_database
def fail(sign_in: SignIn, why: str, region: str = "") -> None:
    """`region`: the one to start again with."""
    told = f"{why}:{region}" if region else why
    where = region or sign_in.region
    if end(row_of(sign_in), SignIn.State.FAILED, told, region=where):
        logger.info("a sign-in (%s) failed: %s", sign_in.kind, why)


@in_database
def clear_up() -> None:
    now = timezone.now()
    late = SignIn.objects.filter(expires_at__lte=now)
    end(late, SignIn.State.FAILED, "expired")
    SignIn.objects.filter(begun_at__lt=now - KEPT_FOR).delete()


@in_database
def waiting() -> list[UUID]:
    asked = SignIn.objects.filter(state=SignIn.State.WAITING).exclude(device_code="")
    return list(asked.values_list("pk", flat=True))


@in_database
def check_count(person: User) -> None:
    waiting = SignIn.objects.filter(
        begun_by=person, state=SignIn.State.WAITING, expires_at__gt=timezone.now()
    )
    if waiting.count() >= MOST_WAITING:
        raise TooMany


@in_database
def save(sign_in: SignIn) -> None:
    sign_in.save(force_insert=True)


@in_database
def claim(sign_in_id: UUID) -> SignIn | None:
    """The row, if it waits for an answer and nobody else asks just now."""
    sign_in = _read(sign_in_id)
    if sign_in is None or not sign_in.device_code or sign_in.asked_at is None:
        return None
    if sign_in.asked_at > timezone.now() - timedelta(seconds=sign_in.interval):
        return None
    return sign_in if _mine(sign_in) else None


@in_database
def claim_pasted(sign_in_id: UUID) -> SignIn | None:
    sign_in = _read(sign_in_id)
    if sign_in is None or not sign_in.code_verifier:
        return None
    return sign_in if _mine(sign_in) else None


def _read(sign_in_id: UUID) -> SignIn | None:
    """None: it is not there, or has ended; perhaps just now, by time."""
    rows = SignIn.objects.filter(pk=sign_in_id, state=SignIn.State.WAITING)
    try:
        sign_in = rows.select_related("begun_by").first()
    except SecretUnreadable as error:
        logger.warning("a sign-in is given up: %s", error)
        end(rows, SignIn.State.FAILED, "unreadable")
        return None
    if sign_in is None or sign_in.expires_at > timezone.now():
        return sign_in
    end(rows, SignIn.State.FAILED, "expired")
    return None


def _mine(sign_in: SignIn) -> bool:
    unasked = row_of(sign_in).filter(
        state=SignIn.State.WAITING, asked_at=sign_in.asked_at
    )
    return bool(unasked.update(asked_at=timezone.now()))


@in_database
def note(sign_in: SignIn, **changes: Any) -> None:
    changed = {n: v for n, v in changes.items() if getattr(sign_in, n) != v}
    if changed:
        row_of(sign_in).filter(state=SignIn.State.WAITING).update(**changed)
