"""What an outcome does to the account's row.

One UPDATE each, or one for many that need only be counted; where it changes the
account's state, its filter names the state it starts from, and when that is gone only
the counters are written. The slot, if the credential has one, goes back.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, assert_never

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.db.models.expressions import Combinable
from django.utils import timezone

from accounts import slots
from accounts.blocking import block, log_block, quota_reset, reason_words
from accounts.models import Account, AccountQuerySet
from accounts.outcomes import (
    Cancelled,
    Credential,
    Failed,
    ModelMissing,
    ModelUnavailable,
    NotPermitted,
    Outcome,
    QuotaExhausted,
    Served,
    Suspended,
    Throttled,
    TokenRefused,
)
from accounts.regions import BUILDER_ID_PROFILE
from accounts.uses import Uses

logger = logging.getLogger(__name__)

Block = Account.Block

# A refused token this young was not worn out: something is wrong with the account.
YOUNG = timedelta(minutes=1)
# Minutes of pause after the first, second, ... refusal of a young token in a row.
REFUSAL_PAUSES = (1, 2, 4, 8, 15)
SHORTEST_THROTTLE, LONGEST_THROTTLE = 1.0, 15 * 60.0

NOT_PERMITTED = {
    "profile": Block.PROFILE,
    "application": Block.APPLICATION,
    "feature": Block.FEATURE,
}


# What was taken for a profile when none was listed: asked for again, once unblocked.
_WITHOUT_GUESS = Case(
    When(kind="idc", profile_arn=BUILDER_ID_PROFILE, then=Value("")),
    default=F("profile_arn"),
)


def settle(credential: Credential, outcome: Outcome) -> None:
    _write(credential, outcome)
    if credential.slot is not None:
        slots.release(credential.slot)


def count(uses: Mapping[int, Uses]) -> None:
    """By account. All or none of them, so that it can be tried again."""
    with transaction.atomic():
        for pk in sorted(uses):  # in one order, as other processes do
            _count_uses(Account.objects.filter(pk=pk), uses[pk])


def _count_uses(rows: AccountQuerySet, uses: Uses) -> None:
    served: dict[str, Any] = {}
    if uses.served_at:
        # Whatever has gone wrong since then still stands.
        since = When(last_error_at__gt=uses.served_at, then=F("last_error"))
        refused = When(last_error_at__gt=uses.served_at, then=F("refusals"))
        served = {
            "last_error": Case(since, default=Value("")),
            "refusals": Case(refused, default=Value(0)),
        }
    later = When(last_used_at__gt=uses.ended_at, then=F("last_used_at"))
    rows.update(
        requests=F("requests") + uses.requests,
        credits_spent=F("credits_spent") + uses.credits,
        available=F("available") - uses.credits,
        last_used_at=Case(later, default=Value(uses.ended_at)),
        **served,
    )


def _write(credential: Credential, outcome: Outcome) -> None:
    rows = Account.objects.filter(pk=credential.account_id)
    # What only a person can heal is not laid on a login that has replaced this one.
    same_login = rows.filter(token_version=credential.token_version)
    match outcome:
        case Served(credits):
            _count(rows, credits, refusals=0, last_error="")
            _tell_floor(credential, rows, credits)
        case Cancelled(credits):
            _count(rows, credits)
            _tell_floor(credential, rows, credits)
        case QuotaExhausted(resets_at):
            until = quota_reset(resets_at)
            _blame(credential, rows, Block.QUOTA, until, available=0.0)
        case Throttled(retry_after):
            seconds = min(max(retry_after, SHORTEST_THROTTLE), LONGEST_THROTTLE)
            pause_end = timezone.now() + timedelta(seconds=seconds)
            _blame(credential, rows, Block.THROTTLED, pause_end)
        case TokenRefused() if credential.kind == "api_key":
            # Nothing can renew it.
            told = "the API key is refused"
            _blame(credential, same_login, Block.REJECTED, None, last_error=told)
        case TokenRefused():
            _discard_token(credential, same_login)
        case Suspended():
            _blame(credential, same_login, Block.SUSPENDED, None)
        case NotPermitted(reason):
            changes = {"profile_arn": _WITHOUT_GUESS} if reason == "profile" else {}
            _blame(credential, same_login, NOT_PERMITTED[reason], None, **changes)
        case Failed(message):
            rows.update(**_failure(message))
        case ModelUnavailable() | ModelMissing():
            pass  # nothing about how the account stands
        case _:
            assert_never(outcome)


def _count(rows: AccountQuerySet, credits: float, **changes: Any) -> None:
    rows.update(
        requests=F("requests") + 1,
        credits_spent=F("credits_spent") + credits,
        available=F("available") - credits,
        last_used_at=timezone.now(),
        **changes,
    )


def _tell_floor(credential: Credential, rows: AccountQuerySet, credits: float) -> None:
    """One line in the log, by the request that took it there."""
    floor = credential.credit_floor
    if floor <= 0:
        return
    left = rows.values_list("available", flat=True).first()
    if left is not None and left <= floor < left + credits:
        logger.warning(
            "account %s: at its floor of %g credits; left alone until they reset",
            credential.account,
            floor,
        )


def _failure(message: str) -> dict[str, Any]:
    now = timezone.now()
    return {
        "requests": F("requests") + 1,
        "failures": F("failures") + 1,
        "last_used_at": now,
        "last_error": message[:300],
        "last_error_at": now,
    }


def _blame(
    credential: Credential,
    rows: AccountQuerySet,
    reason: Account.Block,
    until: datetime | Combinable | None,
    **changes: Any,
) -> bool:
    failure = _failure(reason_words(reason))
    if block(rows, reason, until, **failure | changes):
        log_block(credential.account, credential.account_id)
        return True
    Account.objects.filter(pk=credential.account_id).update(**failure)
    return False


def _discard_token(credential: Credential, same_login: AccountQuerySet) -> None:
    """A worn-out token is dropped, so that the next call renews it. A young one is
    too, but the account pauses first, longer each time: renewing did not help."""
    now = timezone.now()
    still_there = same_login.filter(access_expires_at__isnull=False)
    dropped = {"access_token": "", "access_token_tail": "", "access_expires_at": None}
    worn_out = still_there.exclude(refreshed_at__gt=now - YOUNG)
    if worn_out.update(**dropped, **_failure("the access token was refused")):
        return
    pauses = [
        When(refusals=refusals, then=Value(now + timedelta(minutes=minutes)))
        for refusals, minutes in enumerate(REFUSAL_PAUSES)
    ]
    until = Case(*pauses, default=Value(now + timedelta(minutes=REFUSAL_PAUSES[-1])))
    refusals = F("refusals") + 1
    _blame(credential, still_there, Block.TOKEN, until, **dropped, refusals=refusals)
