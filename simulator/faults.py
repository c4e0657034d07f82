"""What the service says when it refuses, and how each host generation spells it.

REST answers carry the type in `x-amzn-errortype` and `{"message", "reason"}` in the
body; the JSON 1.0 and Kiro targets add `__type` to the body. `FAULTS` holds one entry
for each refusal seen in the wild.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from simulator.eventstream import encode_payload

Style = Literal["rest", "json", "kiro"]

NAMESPACE: dict[Style, str] = {
    "rest": "com.amazon.aws.codewhisperer",
    "json": "com.amazon.aws.codewhisperer",
    "kiro": "com.amazon.kiro.runtimeservice",
}
CONTENT_TYPE: dict[Style, str] = {
    "rest": "application/json",
    "json": "application/x-amz-json-1.0",
    "kiro": "application/x-amz-json-1.0",
}


@dataclass(frozen=True, slots=True)
class Fault:
    status: int
    type: str
    message: str
    reason: str | None = None
    retry_ms: int | None = None
    members: Mapping[str, Any] = field(default_factory=dict)
    html: str | None = None
    """Not the service but something in front of it speaks: no JSON, no type."""
    drops: bool = False
    """No answer at all: the connection is reset."""


def named_fault(fault: str, **members: Any) -> Fault:
    """The entry of `FAULTS`, some of its members replaced."""
    return replace(FAULTS[fault], **members)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Refused(Exception):
    """Raised where a request is turned down; `rule` names the rule it broke."""

    def __init__(self, fault: Fault, rule: str | None = None) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.rule = rule


def write_fault(fault: Fault, style: Style) -> HttpAnswer:
    if fault.html is not None:
        headers = {"Content-Type": "text/html; charset=utf-8"}
        return HttpAnswer(fault.status, headers, fault.html.encode())
    type_name = _type_name(fault, style)
    body: dict[str, Any] = {"message": fault.message, "reason": fault.reason}
    body |= fault.members
    headers = {"Content-Type": CONTENT_TYPE[style], "x-amzn-errortype": type_name}
    if style != "rest":
        body["__type"] = f"{NAMESPACE[style]}#{type_name}"
    if fault.retry_ms is not None:
        body["retryAfterMilliseconds"] = fault.retry_ms
        headers["Retry-After"] = str(math.ceil(fault.retry_ms / 1000))
    return HttpAnswer(fault.status, headers, encode_payload(body))


def _type_name(fault: Fault, style: Style) -> str:
    # Kiro's own validation with a reason is ValidationError, its framework's without
    # one stays ValidationException.
    if style == "kiro" and fault.type == "ValidationException" and fault.reason:
        return "ValidationError"
    return fault.type


def _denied(message: str, reason: str | None = None, status: int = 403) -> Fault:
    return Fault(status, "AccessDeniedException", message, reason)


def _quota(message: str, reason: str) -> Fault:
    return Fault(402, "ServiceQuotaExceededException", message, reason)


def _throttled(
    message: str, reason: str | None = None, retry_ms: int | None = None
) -> Fault:
    return Fault(429, "ThrottlingException", message, reason, retry_ms)


def _invalid(message: str, reason: str | None = None) -> Fault:
    return Fault(400, "ValidationException", message, reason)


def _edge(status: int, title: str) -> Fault:
    page = (
        f"<html><head><title>{status} {title}</title></head>"
        f"<body><h1>{status} {title}</h1></body></html>"
    )
    return Fault(status, "", title, html=page)


BEARER_INVALID = "The bearer token included in the request is invalid."
HIGH_TRAFFIC = "I am experiencing high traffic, please try again shortly."
HIGH_LOAD = (
    "Encountered unexpectedly high load when processing the request, please try again."
)
TOO_MANY = "Too many requests, please wait before trying again."
SUSPENDED = (
    "Your User ID (d-0000000000.simulated) temporarily is suspended. "
    "We've locked your account as a security precaution."
)
SUSPICIOUS = (
    "Due to suspicious activity, we are imposing temporary limits on how frequently "
    "your account (d-0000000000.simulated) can send a request."
)

FAULTS: dict[str, Fault] = {
    "bearer_invalid": _denied(BEARER_INVALID),
    "bearer_invalid_401": _denied(BEARER_INVALID, status=401),
    "token_expired": Fault(
        403,
        "ExpiredTokenException",
        "The security token included in the request is expired",
    ),
    "unauthorized": _denied("User is not authorized to make this call."),
    "wrong_application": _denied(
        "Your subscription does not support this application."
    ),
    "feature_not_supported": _denied(
        "This feature is not supported.", "FEATURE_NOT_SUPPORTED"
    ),
    "suspended": _denied(SUSPENDED, "TEMPORARILY_SUSPENDED"),
    "suspended_without_reason": _denied(SUSPENDED),
    "monthly_limit": _quota("You have reached the limit.", "MONTHLY_REQUEST_COUNT"),
    "overage_limit": _quota(
        "You have reached the limit for overages.", "OVERAGE_REQUEST_LIMIT_EXCEEDED"
    ),
    "conversation_limit": _quota(
        "You have reached the limit for this conversation.",
        "CONVERSATION_LIMIT_EXCEEDED",
    ),
    "monthly_limit_429": _throttled(
        "Maximum Request reached for this month.", "MONTHLY_REQUEST_COUNT"
    ),
    "monthly_limit_400": replace(
        _throttled("Maximum Request reached for this month.", "MONTHLY_REQUEST_COUNT"),
        status=400,
    ),
    "daily_limit": _throttled(
        "You have reached the limit for today.", "DAILY_REQUEST_COUNT"
    ),
    "user_rate": _throttled(TOO_MANY, "USER_REQUEST_RATE_EXCEEDED"),
    "service_rate": _throttled(TOO_MANY, "SERVICE_REQUEST_RATE_EXCEEDED"),
    "credit_rate": _throttled(TOO_MANY, "CREDIT_CONSUMPTION_RATE_EXCEEDED", 300_000),
    "suspicious_activity": _throttled(SUSPICIOUS),
    "model_capacity": _throttled(HIGH_TRAFFIC, "INSUFFICIENT_MODEL_CAPACITY"),
    "model_capacity_500": replace(
        _throttled(HIGH_TRAFFIC, "INSUFFICIENT_MODEL_CAPACITY"), status=500
    ),
    "model_unavailable": Fault(
        500, "InternalServerException", HIGH_LOAD, "MODEL_TEMPORARILY_UNAVAILABLE"
    ),
    "model_unavailable_503": Fault(
        503, "ServiceUnavailableException", HIGH_LOAD, "MODEL_TEMPORARILY_UNAVAILABLE"
    ),
    "input_too_long": _invalid(
        "Input is too long.", "CONTENT_LENGTH_EXCEEDS_THRESHOLD"
    ),
    "prompt_too_long": _invalid("prompt is too long", "PROMPT_TOO_LONG"),
    "context_window_full": _invalid("Context window is full"),
    "invalid_model": _invalid("The model is not available.", "INVALID_MODEL_ID"),
    "improperly_formed": _invalid("Improperly formed request."),
    "profile_arn_required": _invalid("profileArn is required for this request."),
    "signature_invalid": _invalid(
        "A thinking signature is not valid.", "THINKING_SIGNATURE_INVALID"
    ),
    "result_mismatch": _invalid(
        "Expected toolResult blocks for every toolUse.", "TOOL_USE_RESULT_MISMATCH"
    ),
    "image_too_large": _invalid("An image is too large.", "IMAGE_SIZE_EXCEEDED"),
    "timeout": Fault(408, "RequestTimeoutException", "The request timed out."),
    "internal": Fault(500, "InternalServerException", "Internal server error"),
    "bad_gateway": _edge(502, "Bad Gateway"),
    "unavailable": Fault(503, "ServiceUnavailableException", "Service unavailable"),
    "network": Fault(0, "", "connection reset", drops=True),
    "edge_timeout": _edge(524, "A timeout occurred"),
    "edge_refusal": _edge(403, "ERROR: The request could not be satisfied"),
}
