"""What the services' answers about an account mean.

A fault is told by its type and code first, by its text second, by its status
last: the same fault comes with different statuses from different hosts, and
edges answer HTML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts import regions
from accounts.login import Tokens
from accounts.modellist import ModelLimits, read_models
from accounts.outcomes import (
    Failed,
    NotPermitted,
    Outcome,
    Suspended,
    Throttled,
    TokenRefused,
)

# A token goes into a header or a JSON string; real ones are printable ASCII.
TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")

DEFAULT_LIFE = 3600
SHORTEST_LIFE, LONGEST_LIFE = 60, 7 * 24 * 3600

# Seconds to wait after "slow down" when the service names none, and at most.
THROTTLED_FOR = 60.0
LONGEST_PAUSE = 15 * 60.0

DEAD_CODES = {
    "invalid_grant",
    "invalid_client",
    "expired_token",
    # OAuth's: the identity provider wants to see the person.
    "interaction_required",
    "InvalidGrantException",
    "InvalidClientException",
    "ExpiredTokenException",
}
SLOW_DOWN_CODES = {"slow_down", "SlowDownException", "ThrottlingException"}
FAULT_CODES = {"server_error", "InternalServerException"}


class SignInAgain(Exception):
    """The refresh token or its client registration is dead for good."""


class SignInAway(Exception):
    """No new token this time, through no fault of the account's."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CallFailed(Exception):
    """A question about an account was not answered; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(plain_words(outcome))
        self.outcome = outcome


def plain_words(outcome: Outcome) -> str:
    match outcome:
        case Failed(message):
            return message
        case Throttled(retry_after):
            return f"the service says slow down for {retry_after:.0f} s"
        case TokenRefused():
            return "the service refused the access token"
        case Suspended():
            return "the service has suspended the account"
        case NotPermitted(reason):
            return f"the service does not permit it ({reason})"
        case _:
            return type(outcome).__name__


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Mapping[str, object]:
        """The body's object; empty when it is none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


def read_tokens(answer: Answer, now: datetime) -> Tokens:
    """Of every refresh: Social and OIDC write camelCase, OAuth snake_case. Raises
    SignInAgain or SignInAway."""
    if answer.status != 200:
        raise _refresh_fault(answer)
    body = answer.json()
    access_token = _token(body, "accessToken") or _token(body, "access_token")
    if not access_token:
        raise SignInAway("the sign-in service answered without a token")
    profile_arn = _text(body, "profileArn")
    return Tokens(
        access_token=access_token,
        expires_at=now + timedelta(seconds=_life(body)),
        refresh_token=_token(body, "refreshToken") or _token(body, "refresh_token"),
        profile_arn=profile_arn if regions.is_profile_arn(profile_arn) else "",
    )


def _life(body: Mapping[str, object]) -> float:
    """Seconds, within bounds; some identity providers write the number as text."""
    life = body.get("expiresIn", body.get("expires_in"))
    if isinstance(life, str) and life.isdecimal():
        life = float(life)
    if isinstance(life, bool) or not isinstance(life, int | float):
        life = DEFAULT_LIFE
    return min(max(life, SHORTEST_LIFE), LONGEST_LIFE)


def _refresh_fault(answer: Answer) -> SignInAgain | SignInAway:
    body = answer.json()
    codes = {_text(body, "error"), error_type(answer)}
    if codes & DEAD_CODES or b"invalid_grant" in answer.body:
        return SignInAgain("the sign-in service no longer accepts the refresh token")
    if b"Invalid refresh token" in answer.body:
        return SignInAgain("the sign-in service does not know the refresh token")
    if "InvalidRequestRegionException" in codes:
        region = _text(body, "region")
        named = f": {region}" if regions.is_region(region) else ""
        told = f"the sign-in service is in another region{named}"
        return SignInAway(told, LONGEST_PAUSE)
    if codes & SLOW_DOWN_CODES or answer.status == 429:
        return SignInAway("the sign-in service says slow down", retry_after(answer))
    if answer.status == 401 and not codes & FAULT_CODES:
        return SignInAgain("the sign-in service refused the refresh token (401)")
    return SignInAway(f"the sign-in service failed ({answer.status})")


def control_fault(answer: Answer) -> Outcome:
    """What a refused question about an account says about the account."""
    body = answer.json()
    kind, reason = error_type(answer), _text(body, "reason")
    text = error_text(body)
    if reason == "TEMPORARILY_SUSPENDED" or "temporarily is suspended" in text:
        return Suspended()
    if reason == "FEATURE_NOT_SUPPORTED":
        return NotPermitted("feature")
    if "does not support this application" in text:
        return NotPermitted("application")
    if "profileArn is required" in text:
        return NotPermitted("profile")
    if "bearer token" in text or "security token" in text:
        return TokenRefused()
    if kind == "ExpiredTokenException" or answer.status == 401:
        return TokenRefused()
    # An edge refuses with 403 too, in HTML, and that says nothing of the account.
    if kind == "AccessDeniedException" or (answer.status == 403 and body):
        return NotPermitted("profile")
    if kind == "ThrottlingException" or answer.status == 429:
        return Throttled(retry_after(answer))
    return Failed(f"the service failed ({answer.status})")


def read_model_page(answer: Answer) -> tuple[dict[str, ModelLimits], str]:
    """The models on this page of the list, and the token of the next page."""
    body = answer.json()
    models = body.get("models")
    if not isinstance(models, list):
        raise CallFailed(Failed("the service did not list models"))
    return read_models(models), _text(body, "nextToken")


def read_profile_arns(answer: Answer) -> list[str]:
    profiles = answer.json().get("profiles")
    if not isinstance(profiles, list):
        raise CallFailed(Failed("the service did not list profiles"))
    arns = [_text(profile, "arn") for profile in profiles if isinstance(profile, dict)]
    return [arn for arn in arns if regions.is_profile_arn(arn)]


def error_type(answer: Answer) -> str:
    """Header first, then `code`, then `__type`; without namespace and suffix."""
    body = answer.json()
    raw = (
        answer.headers.get("x-amzn-errortype", "")
        or _text(body, "code")
        or _text(body, "__type")
    )
    return raw.rpartition("#")[2].partition(":")[0]


def error_text(body: Mapping[str, object]) -> str:
    return (
        _text(body, "message") or _text(body, "Message") or _text(body, "errorMessage")
    )


def retry_after(answer: Answer) -> float:
    """Seconds, within bounds. The header may also hold a date: not read."""
    milliseconds = answer.json().get("retryAfterMilliseconds")
    if isinstance(milliseconds, int) and not isinstance(milliseconds, bool):
        seconds = milliseconds / 1000
    else:
        header = answer.headers.get("retry-after", "")
        seconds = float(header) if header.isdecimal() else THROTTLED_FOR
    return min(max(seconds, 1.0), LONGEST_PAUSE)


def _token(body: Mapping[str, object], name: str) -> str:
    value = _text(body, name)
    return value if TOKEN.fullmatch(value) else ""


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""
