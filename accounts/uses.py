"""Uses of an account that need only be counted: put together, and written together.

Nobody waits for them and nobody goes by them before half a second is over. What gives
a slot back, makes figures be read, or may take an account to its floor of credits is
written by itself, and at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accounts.outcomes import Cancelled, Credential, Outcome, Served


@dataclass(frozen=True, slots=True)
class Uses:
    requests: int
    credits: float
    ended_at: datetime
    """The last of them."""
    served_at: datetime | None
    """The last one that was served."""

    def __add__(self, later: Uses) -> Uses:
        return Uses(
            self.requests + later.requests,
            self.credits + later.credits,
            later.ended_at,
            later.served_at or self.served_at,
        )


def only_counted(
    credential: Credential, outcome: Outcome, now: datetime
) -> Uses | None:
    """None: it is not one of these."""
    if credential.slot is not None or credential.usage_due or credential.credit_floor:
        return None
    match outcome:
        case Served(credits):
            return Uses(1, credits, now, served_at=now)
        case Cancelled(credits):
            return Uses(1, credits, now, served_at=None)
        case _:
            return None
