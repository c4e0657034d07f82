"""What the two sign-in services say while a person signs in.

OIDC and the social service name the same things differently: seconds or
milliseconds, `error` or `status`. A fault is told by its codes first and by the
HTTP status only where there is none, as an edge answers HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from accounts import answers, regions
from accounts.answers import TOKEN, Answer, error_type
from accounts.login import Tokens

Why = Literal[
    "pending",
    "slow_down",
    "away",
    "proxy",
    "expired",
    "denied",
    "region",
    "refused",
]

MEANINGS: dict[str, Why] = {
    "authorizationpending": "pending",
    "pending": "pending",
    "slowdown": "slow_down",
    "throttling": "slow_down",
    "toomanyrequests": "slow_down",
    "expiredtoken": "expired",
    "expired": "expired",
    "accessdenied": "denied",
    "denied": "denied",
    "invalidrequestregion": "region",
    "servererror": "away",
    "internalserver": "away",
}

# Seconds between two questions: what OIDC asks for when it names none, and bounds.
INTERVAL = 5
SHORTEST_INTERVAL, LONGEST_INTERVAL = 1, 60
LIFE = 600
SHORTEST_LIFE, LONGEST_LIFE = 60, 1800

LONGEST_USER_CODE = 40
LONGEST_LINK = 2000
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class NotSignedIn(Exception):
    """Not now, or not at all: `why` tells."""

    def __init__(self, why: Why, region: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.region = region
        """With "region": the one that the service names instead, if it does."""


@dataclass(frozen=True, slots=True)
class Registration:
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Device:
    """A code that a person confirms elsewhere, in a browser of their own."""

    code: str = field(repr=False)
    user_code: str
    link: str
    interval: int
    expires_at: datetime


def read_registration(answer: Answer) -> Registration:
    """Raises NotSignedIn."""
    body = _body(answer)
    return Registration(
        client_id=_secret(body, "clientId"),
        client_secret=_secret(body, "clientSecret"),
        expires_at=_moment(_number(body, "clientSecretExpiresAt")),
    )


def read_device(answer: Answer, now: datetime) -> Device:
    """Raises NotSignedIn."""
    body = _body(answer)
    user_code = _text(body, "userCode")
    if not user_code.isprintable() or not 0 < len(user_code) <= LONGEST_USER_CODE:
        raise NotSignedIn("refused")
    life = _seconds(body, "expiresIn", LIFE, SHORTEST_LIFE, LONGEST_LIFE)
    return Device(
        code=_secret(body, "deviceCode"),
        user_code=user_code,
        link=_link(body),
        interval=_seconds(
            body, "interval", INTERVAL, SHORTEST_INTERVAL, LONGEST_INTERVAL
        ),
        expires_at=now + timedelta(seconds=life),
    )


def read_tokens(answer: Answer, now: datetime) -> Tokens:
    """Raises NotSignedIn, which may well mean "not yet"."""
    if answer.status != 200 or not answer.json().get("accessToken"):
        raise _fault(answer)
    try:
        tokens = answers.read_tokens(answer, now)
    except answers.SignInAway:
        raise NotSignedIn("refused") from None
    if not tokens.refresh_token:
        raise NotSignedIn("refused")  # good for an hour: no account lives on that
    return tokens


def _body(answer: Answer) -> Mapping[str, object]:
    if answer.status != 200:
        raise _fault(answer)
    return answer.json()


def _fault(answer: Answer) -> NotSignedIn:
    body = answer.json()
    codes = [error_type(answer), _text(body, "error"), _text(body, "status")]
    for code in codes:
        why = MEANINGS.get(code.lower().replace("_", "").removesuffix("exception"))
        if why is not None:
            named = _text(body, "region") if why == "region" else ""
            return NotSignedIn(why, named if regions.is_region(named) else "")
    if answer.status == 200:
        return NotSignedIn("pending")  # no token and no fault
    if answer.status == 429:
        return NotSignedIn("slow_down")
    if answer.status >= 500 or not any(codes):
        return NotSignedIn("away")
    return NotSignedIn("refused")


def _link(body: Mapping[str, object]) -> str:
    """Where the person is sent: https, or this machine."""
    for name in ("verificationUriComplete", "verificationUri"):
        link = _text(body, name)
        if link and len(link) <= LONGEST_LINK and _may_be_opened(link):
            return link
    raise NotSignedIn("refused")


def _may_be_opened(link: str) -> bool:
    try:
        parts = urlsplit(link)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    )


def _seconds(
    body: Mapping[str, object], name: str, default: int, least: int, most: int
) -> int:
    value = _number(body, name)
    milliseconds = _number(body, f"{name.removesuffix('In')}InMilliseconds")
    if milliseconds is not None:
        value = milliseconds / 1000
    return default if value is None else round(min(max(value, least), most))


def _moment(epoch: float | None) -> datetime | None:
    try:
        return None if epoch is None else datetime.fromtimestamp(epoch, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _number(body: Mapping[str, object], name: str) -> float | None:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # JSON as Python reads it has NaN, and whole numbers without end.
    return value if abs(value) < 2**53 else None


def _secret(body: Mapping[str, object], name: str) -> str:
    value = _text(body, name)
    if not TOKEN.fullmatch(value):
        raise NotSignedIn("refused")
    return value


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""
