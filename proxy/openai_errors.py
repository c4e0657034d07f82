"""Neutral errors -> the error body of OpenAI's APIs."""

from __future__ import annotations

from typing import Any

from proxy.errors import GatewayError, Kind

ERROR_TYPES: dict[Kind, str] = {
    "invalid_request": "invalid_request_error",
    "authentication": "invalid_request_error",
    "permission": "invalid_request_error",
    "not_found": "invalid_request_error",
    "too_large": "invalid_request_error",
    "rate_limit": "rate_limit_error",
    "overloaded": "server_error",
    "timeout": "server_error",
    "server": "server_error",
}
CODES: dict[Kind, str] = {
    "authentication": "invalid_api_key",
    "rate_limit": "rate_limit_exceeded",
}
# Codex tells its person of it by this type; of other 429s it says nothing but that.
QUOTA = "insufficient_quota"
# How OpenAI itself begins such a message. LiteLLM, and with it aider, look at words
# and not at codes to know that a prompt has to become shorter.
BEGINNINGS: dict[str | None, str] = {
    "context_length_exceeded": "This model's maximum context length is exceeded: "
}


def error_body(error: GatewayError) -> dict[str, Any]:
    """All four keys are always there: clients read them unasked."""
    code = error_code(error)
    return {
        "error": {
            "message": BEGINNINGS.get(code, "") + error.message,
            "type": QUOTA if code == QUOTA else ERROR_TYPES[error.kind],
            "param": error.param,
            "code": code,
        }
    }


def error_code(error: GatewayError) -> str | None:
    return error.code or CODES.get(error.kind)
