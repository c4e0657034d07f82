"""Why the pool has no account, as clients should hear it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import assert_never

from accounts.outcomes import PoolExhausted
from proxy.errors import GatewayError, PoolEmpty, PoolPausing, Unavailable

# Longer waits stall every session of a client that obeys them.
RETRY_AFTER_MOST = 30


def refusal(shortage: PoolExhausted) -> GatewayError:
    """Whoever retries what cannot heal soon is never told: so it says not to."""
    match shortage.shortage:
        case "quota":
            when = (
                f" until {shortage.until:%Y-%m-%d %H:%M} UTC" if shortage.until else ""
            )
            return PoolPausing(
                f"every account of the pool is out of credits{when}",
                code="insufficient_quota",
                should_retry=False,
            )
        case "cooling":
            return PoolPausing(
                "every account of the pool is pausing: try again shortly",
                retry_after=_seconds_until(shortage.until),
            )
        case "busy":
            return PoolPausing(
                "every account of the pool is at its limit of requests: try again "
                "shortly",
                retry_after=_seconds_until(shortage.until),
            )
        case "none":
            group = f" for the group {shortage.group}" if shortage.group else ""
            return PoolEmpty(
                f"no account is set up{group}: add one in the admin",
                should_retry=False,
            )
        case "no_model":
            return PoolEmpty(
                f"no account of the pool has the model {shortage.model}",
                should_retry=False,
            )
        case "rejected":
            return PoolEmpty(
                "no account of the pool can be used: a person has to look at the "
                "admin's list of accounts",
                should_retry=False,
            )
        case "named":
            return PoolEmpty(
                f"this account has no token: {shortage.told}", should_retry=False
            )
        case "away":
            return Unavailable("the gateway's database cannot be reached now")
        case _:
            assert_never(shortage.shortage)


def _seconds_until(until: datetime | None) -> int:
    if until is None:
        return RETRY_AFTER_MOST
    left = math.ceil((until - datetime.now(UTC)).total_seconds())
    return min(max(left, 1), RETRY_AFTER_MOST)
