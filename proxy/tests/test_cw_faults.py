"""Refusals of the service, as it words them, to errors and their outcomes."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from accounts.outcomes import (
    Failed,
    ModelMissing,
    ModelUnavailable,
    NotPermitted,
    QuotaExhausted,
    Suspended,
    Throttled,
    TokenRefused,
)
from proxy.codewhisperer.faults import (
    ContextOverflow,
    ModelNotOffered,
    ProfileMissing,
    ThinkingSignatureInvalid,
    fault_from_exception_frame,
    fault_from_response,
)
from proxy.errors import (
    AccountUnusable,
    BodyTooLarge,
    ModelOverloaded,
    UpstreamFailed,
    UpstreamRejected,
)

NOW = datetime(2026, 5, 31, 22, 15, tzinfo=UTC)
MIDNIGHT = datetime(2026, 6, 1, tzinfo=UTC)

QUOTA = (AccountUnusable, QuotaExhausted())
DAY = (AccountUnusable, QuotaExhausted(MIDNIGHT))
TOKEN = (AccountUnusable, TokenRefused())
SUSPENDED = (AccountUnusable, Suspended())
PROFILE = (AccountUnusable, NotPermitted("profile"))
APPLICATION = (AccountUnusable, NotPermitted("application"))
FEATURE = (AccountUnusable, NotPermitted("feature"))
KEY = (
    AccountUnusable,
    Failed("the encryption key of the account's organisation cannot be used"),
)
OVERLOADED = (ModelOverloaded, ModelUnavailable())
OVERFLOW = (ContextOverflow, None)
NOT_OFFERED = (ModelNotOffered, ModelMissing())
REJECTED = (UpstreamRejected, None)


def throttled(seconds: float):
    return AccountUnusable, Throttled(seconds)


def failed(status: int):
    return UpstreamFailed, Failed(f"upstream failed with status {status}")


BEARER = "The bearer token included in the request is invalid."
LOCKED = (
    "Your User ID (d-9067.abc) temporarily is suspended. We've locked your account "
    "as a security precaution."
)
SUSPICIOUS = (
    "Due to suspicious activity, we are imposing temporary limits on how frequently "
    "your account (d-9067) can send a request"
)
HIGH_LOAD = (
    "Encountered unexpectedly high load when processing the request, please try again."
)

# Status, type, message, reason: what follows.
RESPONSES = [
    (401, "AccessDeniedException", BEARER, None, TOKEN),
    (403, "AccessDeniedException", BEARER, None, TOKEN),
    (400, "AccessDeniedException", BEARER, None, TOKEN),
    (403, "", "The security token included in the request is expired", None, TOKEN),
    (403, "ExpiredTokenException", "no", None, TOKEN),
    (403, "AccessDeniedException", "Something new.", None, TOKEN),
    (403, "", "User is not authorized to make this call.", None, PROFILE),
    (
        403,
        "AccessDeniedException",
        "Your subscription does not support this application.",
        None,
        APPLICATION,
    ),
    (403, "AccessDeniedException", "No.", "FEATURE_NOT_SUPPORTED", FEATURE),
    (403, "AccessDeniedException", LOCKED, None, SUSPENDED),
    (403, "AccessDeniedException", "No.", "TEMPORARILY_SUSPENDED", SUSPENDED),
    (
        402,
        "ServiceQuotaExceededException",
        "You have reached the limit.",
        "MONTHLY_REQUEST_COUNT",
        QUOTA,
    ),
    (
        402,
        "ServiceQuotaExceededException",
        "You have reached the limit for overages.",
        "OVERAGE_REQUEST_LIMIT_EXCEEDED",
        QUOTA,
    ),
    (402, "", "Pay.", None, QUOTA),
    (402, "", "Too long.", "CONVERSATION_LIMIT_EXCEEDED", REJECTED),
    (429, "ThrottlingException", "No.", "MONTHLY_REQUEST_COUNT", QUOTA),
    (400, "ThrottlingException", "No.", "MONTHLY_REQUEST_COUNT", QUOTA),
    (429, "", "Maximum Request reached for this month.", None, QUOTA),
    (429, "ThrottlingException", "No.", "DAILY_REQUEST_COUNT", DAY),
    (
        429,
        "ThrottlingException",
        "Too many requests, please wait before trying again.",
        "USER_REQUEST_RATE_EXCEEDED",
        throttled(30),
    ),
    (429, "", "No.", "SERVICE_REQUEST_RATE_EXCEEDED", throttled(30)),
    (429, "", "No.", "CREDIT_CONSUMPTION_RATE_EXCEEDED", throttled(300)),
    (429, "", SUSPICIOUS, None, throttled(300)),
    (429, "", "No.", None, throttled(30)),
    (400, "ThrottlingException", "No.", None, throttled(30)),
    (
        429,
        "ThrottlingException",
        "I am experiencing high traffic, please try again shortly.",
        "INSUFFICIENT_MODEL_CAPACITY",
        OVERLOADED,
    ),
    (429, "", "I am experiencing high traffic.", None, OVERLOADED),
    (500, "InternalServerException", HIGH_LOAD, None, OVERLOADED),
    (500, "", "No.", "MODEL_TEMPORARILY_UNAVAILABLE", OVERLOADED),
    (
        503,
        "ServiceUnavailableException",
        "",
        "MODEL_TEMPORARILY_UNAVAILABLE",
        OVERLOADED,
    ),
    (
        400,
        "ValidationException",
        "Input is too long.",
        "CONTENT_LENGTH_EXCEEDS_THRESHOLD",
        OVERFLOW,
    ),
    (400, "", "Input is too long.", None, OVERFLOW),
    (400, "ValidationError", "prompt is too long", "PROMPT_TOO_LONG", OVERFLOW),
    (400, "", "Context window is full", None, OVERFLOW),
    (400, "ValidationException", "Invalid model.", "INVALID_MODEL_ID", NOT_OFFERED),
    (400, "ValidationException", "Improperly formed request.", None, REJECTED),
    (500, "", "Improperly formed request.", None, REJECTED),
    (500, "", "Expected toolResult blocks at messages.2.content", None, REJECTED),
    (
        400,
        "",
        "profileArn is required for this request.",
        None,
        (ProfileMissing, NotPermitted("profile")),
    ),
    (
        400,
        "ValidationError",
        "No.",
        "THINKING_SIGNATURE_INVALID",
        (ThinkingSignatureInvalid, None),
    ),
    (400, "ValidationException", "No.", "TOOL_DUPLICATE", REJECTED),
    (400, "", "", None, REJECTED),
    (422, "", "", None, REJECTED),
    (404, "ResourceNotFoundException", "No.", None, failed(404)),
    (408, "", "", None, failed(408)),
    (409, "ConflictException", "No.", None, KEY),
    (400, "ValidationException", "No.", "INVALID_KMS_GRANT", KEY),
    (413, "", "", None, (BodyTooLarge, None)),
    (500, "InternalServerException", "No.", None, failed(500)),
    (503, "ServiceUnavailableException", "No.", None, failed(503)),
    (524, "", "", None, failed(524)),
    (302, "", "", None, failed(302)),
]


def body_of(message: str, reason: str | None, **more: object) -> bytes:
    return msgspec.json.encode({"message": message, "reason": reason, **more})


@pytest.mark.parametrize(("status", "kind", "message", "reason", "expected"), RESPONSES)
def test_a_refusal_of_the_rest_hosts(status, kind, message, reason, expected):
    headers = {"X-Amzn-ErrorType": f"{kind}:http://internal/"} if kind else {}
    error = fault_from_response(status, headers, body_of(message, reason), NOW)
    assert (type(error), error.outcome) == expected
    assert "d-9067" not in str(error)


@pytest.mark.parametrize(("status", "kind", "message", "reason", "expected"), RESPONSES)
def test_a_refusal_of_the_json_hosts(status, kind, message, reason, expected):
    more = {"__type": f"com.amazon.kiro.runtimeservice#{kind}"} if kind else {}
    body = body_of("", reason, Message=message, **more)
    error = fault_from_response(status, {}, body, NOW)
    assert (type(error), error.outcome) == expected


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"[1]", b'"x"', b"\xff"])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, REJECTED),
        (401, TOKEN),
        (402, QUOTA),
        (403, failed(403)),
        (429, throttled(30)),
        (502, failed(502)),
    ],
)
def test_a_body_that_is_no_error_object_leaves_the_status(status, body, expected):
    error = fault_from_response(status, {}, body, NOW)
    assert (type(error), error.outcome) == expected


def test_members_of_other_types_are_as_good_as_absent():
    body = b'{"message":{"a":1},"reason":5,"code":[],"retryAfterMilliseconds":"x"}'
    error = fault_from_response(429, {}, body, NOW)
    assert error.outcome == Throttled(30)


@pytest.mark.parametrize(
    ("status", "retryable"), [(500, True), (503, True), (404, False), (524, False)]
)
def test_whether_another_try_may_help(status, retryable):
    error = fault_from_response(status, {}, b"", NOW)
    assert isinstance(error, UpstreamFailed)
    assert error.retryable is retryable


@pytest.mark.parametrize(
    ("headers", "more", "seconds"),
    [
        ({"retry-after": "7"}, {}, 7),
        ({"Retry-After": " 0 "}, {}, 1),
        ({"retry-after": "9" * 30}, {}, 3600),
        ({"retry-after": "Sun, 31 May 2026 22:16:30 GMT"}, {}, 90),
        ({"retry-after": "Sun, 31 May 2026 22:00:00 GMT"}, {}, 1),
        ({"retry-after": "soon"}, {}, 30),
        ({"retry-after": "-5"}, {}, 30),
        ({"retry-after": "²"}, {}, 30),
        ({}, {"retryAfterMilliseconds": 2500}, 2.5),
        ({}, {"retryAfterMilliseconds": 10**12}, 3600),
        ({"retry-after": "7"}, {"retryAfterMilliseconds": 2500}, 2.5),
        ({"retry-after": "7"}, {"retryAfterMilliseconds": 0}, 7),
    ],
)
def test_the_pause_is_as_long_as_asked_within_bounds(headers, more, seconds):
    error = fault_from_response(429, headers, body_of("No.", None, **more), NOW)
    assert error.outcome == Throttled(seconds)


def test_a_pause_asked_for_credits_is_as_long_as_asked():
    body = body_of(
        "", "CREDIT_CONSUMPTION_RATE_EXCEEDED", retryAfterMilliseconds=60_000
    )
    assert fault_from_response(429, {}, body, NOW).outcome == Throttled(60)


def test_of_the_service_only_the_reason_code_is_repeated():
    body = body_of("secret words", "TOOL_SCHEMA_INVALID")
    error = fault_from_response(400, {}, body, NOW)
    assert error.code == "TOOL_SCHEMA_INVALID"
    assert str(error) == "upstream rejects the request (TOOL_SCHEMA_INVALID)"


@pytest.mark.parametrize("reason", ["a lower case sentence", "A" * 65, "A\nB", ""])
def test_a_reason_that_is_no_code_is_not_repeated(reason):
    error = fault_from_response(400, {}, body_of("No.", reason), NOW)
    assert error.code is None
    assert str(error) == "upstream rejects the request"


def test_an_endless_body_is_not_read_to_its_end():
    body = body_of("Improperly formed request." + " " * 100_000, None)
    error = fault_from_response(503, {}, body, NOW)
    assert isinstance(error, UpstreamFailed)


BROKEN_OFF = (UpstreamFailed, Failed("upstream broke off the reply with an error"))


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("throttlingError", b'{"message":"No."}', throttled(30)),
        ("ThrottlingException", b'{"retryAfterMilliseconds":5000}', throttled(5)),
        ("ThrottlingException", b'{"reason":"MONTHLY_REQUEST_COUNT"}', QUOTA),
        ("validationError", b'{"message":"Improperly formed request."}', REJECTED),
        ("ValidationException", b'{"message":"Input is too long."}', OVERFLOW),
        (
            "serviceUnavailableError",
            b'{"reason":"MODEL_TEMPORARILY_UNAVAILABLE"}',
            OVERLOADED,
        ),
        ("serviceUnavailableError", b'{"message":"No."}', BROKEN_OFF),
        ("error", b'{"message":"No.","reason":null}', BROKEN_OFF),
        ("InternalServerException", b"{}", BROKEN_OFF),
        ("InternalFailure", b"", BROKEN_OFF),
        ("AccessDeniedException", msgspec.json.encode({"message": BEARER}), TOKEN),
        ("SomethingNewException", b"<html>", BROKEN_OFF),
    ],
)
def test_an_exception_inside_a_stream(kind, payload, expected):
    error = fault_from_exception_frame(kind, payload, NOW)
    assert (type(error), error.outcome) == expected
