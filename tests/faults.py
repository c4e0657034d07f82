"""What upstream may refuse with, and all that follows: the cases of the tables in
docs/upstream-faults.md, by the ids of their rows.

A fault is one of the simulator's, which takes its words from the same notes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Literal

from accounts.models import Account

Blocked = Account.Block
Until = float | Literal["midnight", "next month", "a person"]
"""Seconds, a date in UTC, or somebody's help."""


@dataclass(frozen=True, slots=True)
class Told:
    """An error as a client hears it."""

    status: int
    type: str
    retry: Literal["", "soon", "never"] = ""
    """By its headers: within half a minute, or not at all."""
    words: str = ""
    """Its message has them."""
    openai_type: str = "server_error"
    openai_code: str | None = None


OUT_OF_CREDITS = Told(
    429,
    "rate_limit_error",
    "never",
    "out of credits until",
    "insufficient_quota",
    "insufficient_quota",
)
PAUSING = Told(
    429,
    "rate_limit_error",
    "soon",
    "pausing",
    "rate_limit_error",
    "rate_limit_exceeded",
)
NOBODY = Told(503, "api_error", "never", "a person has to look")
NO_MODEL = Told(503, "api_error", "never", "has the model")
OVERLOADED = Told(529, "overloaded_error", "", "no capacity for this model")
FAILED = Told(502, "api_error")
TOO_LONG = Told(
    400,
    "invalid_request_error",
    "",
    "prompt is too long: ",
    "invalid_request_error",
    "context_length_exceeded",
)
REJECTED = Told(
    400,
    "invalid_request_error",
    "",
    "upstream rejects the request",
    "invalid_request_error",
)


@dataclass(frozen=True, slots=True)
class Case:
    row: str
    """Its id in the document."""
    fault: str
    """The simulator's name of it."""
    told: Told | None
    """What the client hears when only the first account has the fault; None: that
    is hidden, and a good answer comes."""
    told_by_all: Told
    """What it hears when every account has it."""
    asked: tuple[str, ...] = ("first", "second")
    """Whose calls for a reply there are, in order, when the first has it."""
    asked_by_all: tuple[str, ...] = ("first", "second", "third")
    blocked: Blocked | None = None
    until: Until = 0
    failures: int = 1
    """Calls that its row counts, all of them as failures."""
    attempts: int = 1
    """Of a renewal: how often the sign-in service is asked."""

    def __str__(self) -> str:
        return f"{self.row} {self.fault}"


def passed_on(row: str, *faults: str, told: Told = FAILED) -> list[Case]:
    """Nobody's fault that time would heal: another account, and no block."""
    return [Case(row, fault, None, told) for fault in faults]


def blocking(
    row: str, *faults: str, blocked: Blocked, until: Until, told: Told
) -> list[Case]:
    return [
        Case(row, fault, None, told, blocked=blocked, until=until) for fault in faults
    ]


def final(
    row: str, *faults: str, told: Told, asked: int = 1, failures: int = 0
) -> list[Case]:
    """Any account would fare the same, so none but the first is asked."""
    once = ("first",) * asked
    return [
        Case(row, fault, told, told, once, once, failures=failures) for fault in faults
    ]


CHAT: list[Case] = [
    *blocking(
        "F-BEARER",
        "bearer_invalid",
        "bearer_invalid_401",
        blocked=Blocked.TOKEN,
        until=60,
        told=PAUSING,
    ),
    *blocking(
        "F-EXPIRED", "token_expired", blocked=Blocked.TOKEN, until=60, told=PAUSING
    ),
    *blocking(
        "F-CALL", "unauthorized", blocked=Blocked.PROFILE, until="a person", told=NOBODY
    ),
    *blocking(
        "F-APPLICATION",
        "wrong_application",
        blocked=Blocked.APPLICATION,
        until="a person",
        told=NOBODY,
    ),
    *blocking(
        "F-FEATURE",
        "feature_not_supported",
        blocked=Blocked.FEATURE,
        until="a person",
        told=NOBODY,
    ),
    *blocking(
        "F-SUSPENDED",
        "suspended",
        "suspended_without_reason",
        blocked=Blocked.SUSPENDED,
        until="a person",
        told=NOBODY,
    ),
    *blocking(
        "F-MONTH",
        "monthly_limit",
        "monthly_limit_429",
        "monthly_limit_400",
        blocked=Blocked.QUOTA,
        until="next month",
        told=OUT_OF_CREDITS,
    ),
    *blocking(
        "F-OVERAGE",
        "overage_limit",
        blocked=Blocked.QUOTA,
        until="next month",
        told=OUT_OF_CREDITS,
    ),
    *blocking(
        "F-DAY",
        "daily_limit",
        blocked=Blocked.QUOTA,
        until="midnight",
        told=OUT_OF_CREDITS,
    ),
    *blocking(
        "F-RATE",
        "user_rate",
        "service_rate",
        blocked=Blocked.THROTTLED,
        until=30,
        told=PAUSING,
    ),
    *blocking(
        "F-CREDIT-RATE",
        "credit_rate",
        blocked=Blocked.THROTTLED,
        until=300,
        told=PAUSING,
    ),
    *blocking(
        "F-SUSPICIOUS",
        "suspicious_activity",
        blocked=Blocked.THROTTLED,
        until=300,
        told=PAUSING,
    ),
    *final(
        "F-CAPACITY", "model_capacity", "model_capacity_500", told=OVERLOADED, asked=2
    ),
    *final(
        "F-HIGH-LOAD",
        "model_unavailable",
        "model_unavailable_503",
        told=OVERLOADED,
        asked=2,
    ),
    *final(
        "F-TOO-LONG",
        "input_too_long",
        "prompt_too_long",
        "context_window_full",
        told=TOO_LONG,
    ),
    *final(
        "F-CONVERSATION",
        "conversation_limit",
        told=replace(
            REJECTED,
            words="start a new one",
            openai_code="CONVERSATION_LIMIT_EXCEEDED",
        ),
    ),
    Case("F-MODEL", "invalid_model", None, NO_MODEL, failures=0),
    *final("F-FORM", "improperly_formed", told=REJECTED),
    *blocking(
        "F-ARN",
        "profile_arn_required",
        blocked=Blocked.PROFILE,
        until="a person",
        told=NOBODY,
    ),
    *final(
        "F-SIGNATURE",
        "signature_invalid",
        told=replace(
            REJECTED,
            words="does not accept the thinking",
            openai_code="THINKING_SIGNATURE_INVALID",
        ),
    ),
    *final(
        "F-OTHER-400",
        "result_mismatch",
        told=replace(REJECTED, openai_code="TOOL_USE_RESULT_MISMATCH"),
    ),
    *final(
        "F-OTHER-400",
        "image_too_large",
        told=replace(REJECTED, openai_code="IMAGE_SIZE_EXCEEDED"),
    ),
    *passed_on(
        "F-PASSING", "timeout", "internal", "bad_gateway", "unavailable", "network"
    ),
    *passed_on("F-EDGE", "edge_refusal"),
    *final("F-EDGE-TIMEOUT", "edge_timeout", told=FAILED, failures=1),
]


def renewal(
    row: str,
    *faults: str,
    blocked: Blocked,
    until: Until,
    told: Told,
    attempts: int = 1,
) -> list[Case]:
    """The first account is not asked for a reply, and counts none."""
    return [
        Case(
            row,
            fault,
            None,
            told,
            asked=("second",),
            asked_by_all=(),
            blocked=blocked,
            until=until,
            failures=0,
            attempts=attempts,
        )
        for fault in faults
    ]


RENEWALS: list[Case] = [
    *renewal(
        "F-LOGIN-DEAD",
        "invalid_grant",
        "invalid_client",
        "expired_token",
        "unauthorized",
        blocked=Blocked.REJECTED,
        until="a person",
        told=NOBODY,
    ),
    *renewal(
        "F-LOGIN-SLOW",
        "throttled",
        "slow_down",
        blocked=Blocked.SIGN_IN_AWAY,
        until=60,
        told=PAUSING,
    ),
    *renewal(
        "F-LOGIN-AWAY",
        "server_error",
        "unavailable",
        "forbidden",
        blocked=Blocked.SIGN_IN_AWAY,
        until=15,
        told=PAUSING,
    ),
    *renewal(
        "F-LOGIN-AWAY",
        "network",
        blocked=Blocked.SIGN_IN_AWAY,
        until=15,
        told=PAUSING,
        attempts=2,  # a kept connection may have been closed meanwhile
    ),
    *renewal(
        "F-LOGIN-OTHER",
        "invalid_request",
        "unsupported_grant_type",
        "access_denied",
        "authorization_pending",
        blocked=Blocked.SIGN_IN_AWAY,
        until=15,
        told=PAUSING,
    ),
]


@dataclass(frozen=True, slots=True)
class StreamCase:
    """An exception inside a reply that began with 200; only the first account's."""

    row: str
    script: str
    """The simulator's name of it."""
    told: Told | None
    """What who does not stream hears; None: a good answer comes."""
    asked: tuple[str, ...] = ("first",)
    blocked: Blocked | None = None
    failures: int = 1
    after_text: bool = False
    """Then who streams has heard a part of the reply, and hears the error behind."""
    stop_reason: str = "end_turn"

    def __str__(self) -> str:
        return f"{self.row} {self.script}"


BROKE = replace(FAILED, words="broke off the reply")
SLOW_DOWN = replace(FAILED, words="asked to slow down")

STREAMS: list[StreamCase] = [
    *(
        StreamCase("F-STREAM-BEFORE", script, None, ("first", "second"))
        for script in ("exception_before_text", "error_frame", "error_in_payload")
    ),
    StreamCase(
        "F-STREAM-BEFORE", "throttled_before_text", None, ("first", "first"), failures=0
    ),
    StreamCase(
        "F-STREAM-BEFORE",
        "unavailable_before_text",
        None,
        ("first", "first"),
        failures=0,
    ),
    StreamCase("F-STREAM-BEFORE", "validation_before_text", TOO_LONG, failures=0),
    StreamCase("F-STREAM-STATE", "invalid_state", None, ("first", "second")),
    *(
        StreamCase("F-STREAM-AFTER", script, BROKE, after_text=True)
        for script in (
            "exception_after_text",
            "exception_in_tool",
            "error_frame_after_text",
        )
    ),
    *(
        StreamCase(
            "F-STREAM-AFTER",
            script,
            SLOW_DOWN,
            blocked=Blocked.THROTTLED,
            after_text=True,
        )
        for script in ("throttled_after_text", "error_in_payload_after_text")
    ),
    StreamCase(
        "F-STREAM-AFTER",
        "unavailable_after_text",
        OVERLOADED,
        failures=0,
        after_text=True,
    ),
    StreamCase(
        "F-STREAM-LENGTH",
        "content_length_exceeded",
        None,
        failures=0,
        stop_reason="max_tokens",
    ),
]

# Each is one test of its own, here with the sign-in service's fault, if it is one.
ALONE = {"F-DATABASE": "", "F-LOGIN-REGION": "wrong_region"}


def rows() -> set[str]:
    cases: Iterable[Case | StreamCase] = (*CHAT, *RENEWALS, *STREAMS)
    return {case.row for case in cases} | set(ALONE)


def moment(until: Until, now: datetime) -> datetime:
    """When a block that begins now ends by itself."""
    today = now.astimezone(UTC).date()
    match until:
        case "midnight":
            day = today + timedelta(days=1)
        case "next month":
            day = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        case "a person":
            raise ValueError("never by itself")
        case seconds:
            return now + timedelta(seconds=seconds)
    return datetime.combine(day, time(), UTC)
