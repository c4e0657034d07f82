"""How the use of a credential ended, and what the pool must therefore do.

Proxy speaks to the pool in these values alone: it takes a Credential, and gives
back one Outcome per upstream call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

Kind = Literal["social", "idc", "builder_id", "api_key", "external_idp"]
Endpoint = Literal["q", "runtime"]


@dataclass(frozen=True, slots=True)
class Need:
    """What a request wants of an account."""

    model: str = ""
    """An id as the accounts' lists have it: only accounts that list it, or have not
    been asked yet, will do. Empty: any."""
    group: str = ""
    """Of accounts, by name. Empty: those that are in no group."""
    session: str = ""
    """Requests of one session like to meet the same account again. Empty: none."""
    account_id: int | None = None
    """A person wants this one and no other, however it stands: group, models, limits,
    blocks and its being disabled do not count. It must only get a token."""


ANY_ACCOUNT = Need()


@dataclass(frozen=True, slots=True)
class Credential:
    """What one upstream call needs of one account; never stored."""

    account_id: int
    account: str
    """The account's name, for log lines."""
    kind: Kind
    access_token: str = field(repr=False)
    profile_arn: str = ""
    region: str = "us-east-1"
    """Of the data plane, not of the identity provider."""
    endpoint: Endpoint = "q"
    """Which generation of the service's hosts."""
    proxy_url: str = field(default="", repr=False)
    """The account's own way out; it may hold a password."""
    token_version: int = 0
    """Which of the account's access tokens this is, so that one that was
    replaced meanwhile is not blamed for the old one's refusal."""
    usage_due: bool = False
    """The account's usage figures are to be read again once this call is over, and
    its list of models if that is old."""
    credit_floor: float = 0.0
    """At so many credits the account is left alone; 0: at none."""
    slot: int | None = None
    """The place it takes on an account with limits, until its outcome is settled or
    it is given back unused."""


@dataclass(frozen=True, slots=True)
class Served:
    credits: float = 0.0


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The client hung up; no blame on the account."""

    credits: float = 0.0


@dataclass(frozen=True, slots=True)
class QuotaExhausted:
    """Out of credits until its reset; None: until the date the row knows."""

    resets_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Throttled:
    retry_after: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class TokenRefused:
    """The service did not take the access token."""


@dataclass(frozen=True, slots=True)
class Suspended:
    """Locked by the service; a person has to sort it out there."""


@dataclass(frozen=True, slots=True)
class NotPermitted:
    """This account may not make this call; neither a refresh nor time helps."""

    reason: Literal["profile", "application", "feature"]


@dataclass(frozen=True, slots=True)
class ModelUnavailable:
    """No capacity for the model; no other account would fare better."""


@dataclass(frozen=True, slots=True)
class ModelMissing:
    """This account does not have the model: its list of them is out of date."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The service's or the network's fault; the account stays usable."""

    message: str
    """In our own words, never the service's text."""


Outcome: TypeAlias = (
    Served
    | Cancelled
    | QuotaExhausted
    | Throttled
    | TokenRefused
    | Suspended
    | NotPermitted
    | ModelUnavailable
    | ModelMissing
    | Failed
)


Shortage = Literal[
    "none", "no_model", "quota", "cooling", "busy", "rejected", "named", "away"
]


class PoolExhausted(Exception):
    """No account can serve this call.

    `shortage` says why: there are no accounts (`none`), or none with the model
    (`no_model`); all that are left are out of credits (`quota`) or pausing
    (`cooling`), are at their limits for longer than one may wait (`busy`), or wait
    for a person (`rejected`); the one that was named has no token (`named`, and
    `told` says why); or the database that knows them cannot be reached (`away`).
    `until` is when it is worth trying again, if that is known.
    """

    def __init__(
        self,
        shortage: Shortage,
        until: datetime | None = None,
        *,
        model: str = "",
        group: str = "",
        told: str = "",
    ) -> None:
        super().__init__(shortage)
        self.shortage = shortage
        self.until = until
        self.model = model
        """The id that was looked for."""
        self.group = group
        """Where it was looked for; empty: among the accounts in no group."""
        self.told = told
