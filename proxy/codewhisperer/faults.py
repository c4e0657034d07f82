"""What the service refuses with, and what follows from it.

Statuses are not to be trusted: the same fault comes as 400, 402, 403, 429 or 500
by host and protocol, or inside a stream that began with 200. So a fault is told
by its reason first, then by its words, then by its type, and by the status only
when there is nothing else. Proxies in between answer HTML.

Every message raised here is in our own words; of the service's only the reason
code is repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from accounts.outcomes import (
    Failed,
    ModelMissing,
    NotPermitted,
    QuotaExhausted,
    Suspended,
    Throttled,
    TokenRefused,
)
from proxy.errors import (
    AccountUnusable,
    BodyTooLarge,
    GatewayError,
    ModelOverloaded,
    UpstreamFailed,
    UpstreamRejected,
)

MAX_BODY = 64 * 1024
"""Bytes that are looked at; the service's own error bodies are under 1 KiB."""
DEFAULT_PAUSE = 30.0
"""Seconds, for a throttle that names none: the service means some seconds to a
minute."""
LONG_PAUSE = 300.0
"""Seconds, for the limits on credits per time and on suspicious accounts."""
MAX_PAUSE = 3600.0
"""Seconds; a longer wish is not a throttle any more."""


class ContextOverflow(UpstreamRejected):
    """The prompt does not fit the model; who knows the numbers raises PromptTooLong."""

    def __init__(self) -> None:
        super().__init__("prompt is too long", code="context_length_exceeded")


class ThinkingSignatureInvalid(UpstreamRejected):
    """Goes through once the history's thinking is left out."""


class ProfileMissing(AccountUnusable):
    """Goes through once the account's profile ARN is sent, if it has one."""

    def __init__(self) -> None:
        super().__init__(
            "upstream wants the account's profile ARN", NotPermitted("profile")
        )


class ModelNotOffered(AccountUnusable):
    """This account does not have the model; another one may."""

    def __init__(self) -> None:
        super().__init__("the account does not offer this model", ModelMissing())


@dataclass(frozen=True, slots=True)
class _Fault:
    status: int
    """0 for a fault inside a stream."""
    type: str
    reason: str
    text: str
    """The service's message in lower case: looked at, never repeated."""
    pause: float | None
    """Seconds the service asks to wait."""
    now: datetime


def fault_from_response(
    status: int, headers: Mapping[str, str], body: bytes, now: datetime | None = None
) -> GatewayError:
    """The error that a response other than 200 means."""
    said = _said(body)
    fields = {name.lower(): value for name, value in headers.items()}
    kind = fields.get("x-amzn-errortype") or _text(said, "code", "__type", "_type")
    return _judge(status, kind, said, fields, now)


def fault_from_exception_frame(
    kind: str, payload: bytes, now: datetime | None = None
) -> GatewayError:
    """The error that an exception frame (or an error frame) of a type means."""
    return _judge(0, kind, _said(payload), {}, now)


def _judge(
    status: int,
    kind: str,
    said: Mapping[str, Any],
    headers: Mapping[str, str],
    now: datetime | None,
) -> GatewayError:
    now = now or datetime.now(UTC)
    reason = _text(said, "reason")
    fault = _Fault(
        status=status,
        type=_plain_type(kind),
        reason=reason if _REASON.fullmatch(reason) else "",
        text=_text(said, "message", "Message", "errorMessage").lower(),
        pause=_pause(said, headers, now),
        now=now,
    )
    by_words = (error for words, error in _BY_WORDS if words in fault.text)
    error = (
        _BY_REASON.get(fault.reason)
        or next(by_words, None)
        or _BY_TYPE.get(fault.type)
        or _BY_STATUS.get(fault.status)
        or (_rejected if 400 <= status < 500 else _failed)
    )
    return error(fault)


_REASON = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


def _said(body: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(body[:MAX_BODY])
    except msgspec.DecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _text(said: Mapping[str, Any], *names: str) -> str:
    values = (said.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value), "")


def _plain_type(name: str) -> str:
    """`com.amazon.x#ThrottlingException:http://..` and `throttlingError`: both
    are `throttling`."""
    name = name.rpartition("#")[2].partition(":")[0].lower()
    return re.sub(r"(exception|error|fault)$", "", name)


def _pause(
    said: Mapping[str, Any], headers: Mapping[str, str], now: datetime
) -> float | None:
    milliseconds = said.get("retryAfterMilliseconds")
    if isinstance(milliseconds, int) and milliseconds > 0:
        return milliseconds / 1000
    after = headers.get("retry-after", "").strip()
    if after.isascii() and after.isdigit():
        return float(after[:10])
    try:
        return (parsedate_to_datetime(after) - now).total_seconds()
    except (ValueError, TypeError):  # no date, or one without a zone
        return None


def _out_of_credits(fault: _Fault) -> GatewayError:
    return AccountUnusable("the account is out of credits", QuotaExhausted())


def _out_for_today(fault: _Fault) -> GatewayError:
    tomorrow = fault.now.astimezone(UTC).date() + timedelta(days=1)
    return AccountUnusable(
        "the account has used up its requests of today",
        QuotaExhausted(datetime.combine(tomorrow, time(), UTC)),
    )


def _throttled(fault: _Fault, default: float = DEFAULT_PAUSE) -> GatewayError:
    pause = default if fault.pause is None else fault.pause
    return AccountUnusable(
        "the account is asked to slow down",
        Throttled(min(max(pause, 1.0), MAX_PAUSE)),
    )


def _throttled_long(fault: _Fault) -> GatewayError:
    return _throttled(fault, LONG_PAUSE)


def _token_refused(fault: _Fault) -> GatewayError:
    return AccountUnusable("the account's token is refused", TokenRefused())


def _suspended(fault: _Fault) -> GatewayError:
    return AccountUnusable("the account is suspended by the service", Suspended())


def _not_authorized(fault: _Fault) -> GatewayError:
    return AccountUnusable(
        "the account may not make this call: its profile or region is wrong",
        NotPermitted("profile"),
    )


def _wrong_application(fault: _Fault) -> GatewayError:
    return AccountUnusable(
        "the account's subscription does not cover this application",
        NotPermitted("application"),
    )


def _feature_missing(fault: _Fault) -> GatewayError:
    return AccountUnusable(
        "the service does not give this account the feature", NotPermitted("feature")
    )


def _key_unusable(fault: _Fault) -> GatewayError:
    """The organisation's own encryption key: its trouble, and it may pass."""
    message = "the encryption key of the account's organisation cannot be used"
    return AccountUnusable(message, Failed(message))


def _overloaded(fault: _Fault) -> GatewayError:
    return ModelOverloaded("upstream has no capacity for this model now")


def _forbidden(fault: _Fault) -> GatewayError:
    """A refusal of the service is taken as one of the token: if a new one does
    not help, the pool rests the account. One of a proxy is nobody's fault."""
    return _token_refused(fault) if fault.text or fault.type else _failed(fault)


def _overflow(fault: _Fault) -> GatewayError:
    return ContextOverflow()


def _not_offered(fault: _Fault) -> GatewayError:
    return ModelNotOffered()


def _profile_missing(fault: _Fault) -> GatewayError:
    return ProfileMissing()


def _signature_invalid(fault: _Fault) -> GatewayError:
    return ThinkingSignatureInvalid(
        "upstream does not accept the thinking in the conversation", code=fault.reason
    )


def _conversation_over(fault: _Fault) -> GatewayError:
    return UpstreamRejected(
        "upstream takes no more of this conversation: start a new one",
        code=fault.reason,
    )


def _body_too_large(fault: _Fault) -> GatewayError:
    return BodyTooLarge("the request is larger than upstream takes")


def _rejected(fault: _Fault) -> GatewayError:
    because = f" ({fault.reason})" if fault.reason else ""
    return UpstreamRejected(
        f"upstream rejects the request{because}", code=fault.reason or None
    )


def _failed(fault: _Fault) -> GatewayError:
    if not fault.status:
        return UpstreamFailed("upstream broke off the reply with an error")
    return UpstreamFailed(f"upstream failed with status {fault.status}")


def _failed_for_good(fault: _Fault) -> GatewayError:
    return UpstreamFailed(
        f"upstream failed with status {fault.status}", retryable=False
    )


_Error = Callable[[_Fault], GatewayError]

_BY_REASON: dict[str, _Error] = {
    "MONTHLY_REQUEST_COUNT": _out_of_credits,
    "OVERAGE_REQUEST_LIMIT_EXCEEDED": _out_of_credits,
    "DAILY_REQUEST_COUNT": _out_for_today,
    "USER_REQUEST_RATE_EXCEEDED": _throttled,
    "SERVICE_REQUEST_RATE_EXCEEDED": _throttled,
    "CREDIT_CONSUMPTION_RATE_EXCEEDED": _throttled_long,
    "INSUFFICIENT_MODEL_CAPACITY": _overloaded,
    "MODEL_TEMPORARILY_UNAVAILABLE": _overloaded,
    "TEMPORARILY_SUSPENDED": _suspended,
    "FEATURE_NOT_SUPPORTED": _feature_missing,
    "CONTENT_LENGTH_EXCEEDS_THRESHOLD": _overflow,
    "PROMPT_TOO_LONG": _overflow,
    "INVALID_MODEL_ID": _not_offered,
    "THINKING_SIGNATURE_INVALID": _signature_invalid,
    "CONVERSATION_LIMIT_EXCEEDED": _conversation_over,
    "CUSTOMER_KMS_KEY_DISABLED": _key_unusable,
    "CUSTOMER_KMS_KEY_INVALID_KEY_POLICY": _key_unusable,
    "MISMATCHED_KMS_KEY": _key_unusable,
    "INVALID_KMS_GRANT": _key_unusable,
}

_BY_WORDS: tuple[tuple[str, _Error], ...] = (
    ("temporarily is suspended", _suspended),
    ("locked your account", _suspended),
    ("input is too long", _overflow),
    ("prompt is too long", _overflow),
    ("context window is full", _overflow),
    ("unexpectedly high load", _overloaded),
    ("experiencing high traffic", _overloaded),
    ("maximum request reached for this month", _out_of_credits),
    ("suspicious activity", _throttled_long),
    ("bearer token included in the request is invalid", _token_refused),
    ("security token included in the request is expired", _token_refused),
    ("not authorized to make this call", _not_authorized),
    ("subscription does not support this application", _wrong_application),
    ("profilearn is required", _profile_missing),
    ("improperly formed request", _rejected),
    # One of the rules of a conversation; seen with 5xx too, and final all the same.
    ("expected toolresult blocks", _rejected),
)

_BY_TYPE: dict[str, _Error] = {
    "throttling": _throttled,
    "servicequotaexceeded": _out_of_credits,
    "expiredtoken": _token_refused,
    "accessdenied": _forbidden,
    "validation": _rejected,
    "internalserver": _failed,
    "serviceunavailable": _failed,
    "resourcenotfound": _failed_for_good,
    "conflict": _key_unusable,
}

_BY_STATUS: dict[int, _Error] = {
    401: _token_refused,
    402: _out_of_credits,
    403: _forbidden,
    404: _failed_for_good,
    408: _failed,
    413: _body_too_large,
    429: _throttled,
    # An edge gave up waiting, which it would again.
    524: _failed_for_good,
}
