"""Accounts as the service keeps them: tokens, quota, models, and what ails them.

An account is described by a JSON object; only `name` is needed:

    name            how captures and controls call it
    kind            "social" (default), "idc", "builder_id", "external_idp", "api_key"
    refresh_token   made from the name if absent, long and beginning with "aor"
    client_id, client_secret    all kinds but social and api_key
    api_key         kind api_key: the bearer itself, "ksk_..."
    region          "us-east-1"
    profile_arn     by kind if absent
    email
    token_seconds   life of an access token, 3600
    rotates         true: each refresh gives a new refresh token, the old one is dead
    plan            "FREE", "PRO" (default), "PRO_PLUS", "POWER"
    credits_limit   by plan if absent: 50, 1000, 2000, 10000
    credits_used    0.0
    trial           null or {"limit", "used", "status": "ACTIVE", "expires": epoch s}
    bonuses         [{"code", "limit", "used", "status": "ACTIVE", "expires"}]
    overage         null or {"enabled": true, "cap": credits, "used": credits}
    next_reset      epoch seconds; the first of next month if absent
    models          ids, or objects {"id", "window", "output", "rate", "images"};
                    all that the service knows if absent, without Opus on plan FREE
    state           "ok"; "suspended" (all but usage is refused), "unauthorized" (all
                    is), "wrong_application", "feature_not_supported" (chat is)
    throttle        null, a name in FAULTS, or {"fault", "retry_ms", "times"}: each
                    answer request gets it, `times` of them or until it is taken away
    refresh_fault   null, a name in REFRESH_FAULTS, or {"fault", "times"}
    refresh_gate    null or the name of a gate: a refresh is carried out (the token
                    rotates), its answer waits until the gate is opened
    refresh_seconds 0: so long the answer of a refresh takes once it is carried out
    requires_profile_arn    true: chat without profileArn is refused on every host
    pace            seconds between the frames of its answers

Every member may be changed while the simulator runs. Setting `refresh_token` kills the
one before.
"""

import hashlib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from simulator.faults import FAULTS, Fault, named_fault
from simulator.models import MODELS, UNLISTED, Model
from simulator.refreshfaults import REFRESH_FAULTS

Kind = Literal["social", "idc", "builder_id", "external_idp", "api_key"]
State = Literal[
    "ok", "suspended", "wrong_application", "feature_not_supported", "unauthorized"
]
Plan = Literal["FREE", "PRO", "PRO_PLUS", "POWER"]

PLAN_CREDITS: dict[Plan, float] = {
    "FREE": 50.0,
    "PRO": 1000.0,
    "PRO_PLUS": 2000.0,
    "POWER": 10_000.0,
}
SOCIAL_ARN = "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK"
BUILDER_ID_ARN = "arn:aws:codewhisperer:us-east-1:638616132270:profile/AAAACCCCXXXX"


class UnknownMember(ValueError):
    """A description has a member, or a value, that no account has."""


def _next_month() -> int:
    now = datetime.now(UTC)
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp())


@dataclass(slots=True, kw_only=True)
class Account:
    name: str
    kind: Kind = "social"
    refresh_token: str = ""
    client_id: str = ""
    client_secret: str = ""
    api_key: str = ""
    region: str = "us-east-1"
    profile_arn: str = ""
    email: str = ""
    token_seconds: float = 3600
    rotates: bool = True
    plan: Plan = "PRO"
    credits_limit: float = -1.0
    credits_used: float = 0.0
    trial: dict[str, Any] | None = None
    bonuses: list[dict[str, Any]] = field(default_factory=list)
    overage: dict[str, Any] | None = None
    next_reset: int = field(default_factory=_next_month)
    models: list[str | dict[str, Any]] = field(default_factory=list)
    state: State = "ok"
    throttle: str | dict[str, Any] | None = None
    refresh_fault: str | dict[str, Any] | None = None
    refresh_gate: str | None = None
    refresh_seconds: float = 0.0
    requires_profile_arn: bool = False
    pace: float = 0.0

    def __post_init__(self) -> None:
        digest = hashlib.sha512(self.name.encode()).hexdigest()
        self.refresh_token = self.refresh_token or f"aorSimulated{digest}"
        self.email = self.email or f"{self.name}@example.com"
        self.profile_arn = self.profile_arn or self._own_arn(digest)
        if self.credits_limit < 0:
            self.credits_limit = PLAN_CREDITS[self.plan]
        if self.kind == "api_key":
            self.api_key = self.api_key or f"ksk_{digest[:40]}"
        elif self.kind != "social":
            self.client_id = self.client_id or f"client-{digest[:20]}"
            self.client_secret = self.client_secret or f"secret-{digest[20:60]}"
        self._check()

    def _own_arn(self, digest: str) -> str:
        if self.kind == "social":
            return SOCIAL_ARN
        if self.kind == "builder_id":
            return BUILDER_ID_ARN
        return (
            f"arn:aws:codewhisperer:{self.region}:123456789012"
            f":profile/{digest[:12].upper()}"
        )

    def _check(self) -> None:
        for name, allowed in (("kind", Kind), ("state", State), ("plan", Plan)):
            if getattr(self, name) not in get_args(allowed):
                raise UnknownMember(f"{name}: {getattr(self, name)!r}")
        for fault, known in (
            (self.throttle, FAULTS),
            (self.refresh_fault, REFRESH_FAULTS),
        ):
            due, _ = _take(fault)
            if due is not None and due["fault"] not in known:
                raise UnknownMember(f"no such fault: {due['fault']!r}")

    @classmethod
    def from_json(cls, description: Mapping[str, Any]) -> "Account":
        _refuse_unknown(description)
        # What is spent and used up is its own, not the description's.
        return cls(**deepcopy(dict(description)))

    def update(self, changes: Mapping[str, Any]) -> None:
        _refuse_unknown(changes)
        # All of them or, where one is refused, none.
        replace(self, **changes)
        for name, value in changes.items():
            setattr(self, name, value)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def take_throttle(self) -> Fault | None:
        """The refusal due now; one time less is left of it."""
        due, self.throttle = _take(self.throttle)
        return None if due is None else named_fault(**due)

    def take_refresh_fault(self) -> str | None:
        due, self.refresh_fault = _take(self.refresh_fault)
        return None if due is None else str(due["fault"])

    def listed_models(self) -> dict[str, Model]:
        if not self.models:
            return {
                name: model
                for name, model in MODELS.items()
                if self.plan != "FREE" or "opus" not in name
            }
        described = (_model(item) for item in self.models)
        return {model.id: model for model in described}

    def accepted_models(self, legacy: bool) -> dict[str, Model]:
        """By every id that a request may name it with."""
        listed = self.listed_models()
        if not legacy:
            return listed
        old = {
            model.legacy_id: model
            for model in listed.values()
            if model.legacy_id is not None
        }
        return listed | old | UNLISTED


def _take(
    fault: str | dict[str, Any] | None,
) -> tuple[dict[str, Any] | None, str | dict[str, Any] | None]:
    """The fault that is due, and what is left of it."""
    if fault is None:
        return None, None
    if isinstance(fault, str):
        return {"fault": fault}, fault
    due = {name: value for name, value in fault.items() if name != "times"}
    if "times" not in fault:
        return due, fault
    left = fault["times"] - 1
    return due, (fault | {"times": left} if left > 0 else None)


def _model(item: str | dict[str, Any]) -> Model:
    if isinstance(item, str):
        return MODELS.get(item) or Model(item)
    return replace(MODELS.get(item["id"]) or Model(item["id"]), **item)


def _refuse_unknown(description: Mapping[str, Any]) -> None:
    unknown = description.keys() - {member.name for member in fields(Account)}
    if unknown:
        raise UnknownMember(f"unknown members: {', '.join(sorted(unknown))}")


DEFAULT_ACCOUNTS: list[dict[str, Any]] = [
    {"name": "social-1", "kind": "social"},
    {"name": "social-2", "kind": "social", "plan": "FREE"},
    {"name": "idc-1", "kind": "idc", "plan": "POWER"},
]
