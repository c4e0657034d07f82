"""Which API a caller speaks, told from its path and headers alone.

For what the dialects share: the model list, paths that do not exist, and
refusals before any endpoint was reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.anthropic import encoder as anthropic
from proxy.errors import GatewayError
from proxy.openai_errors import error_body as openai_error_body


def error_body(
    path: str, headers: Mapping[str, str], error: GatewayError, request_id: str
) -> dict[str, Any]:
    """`headers` are looked up by lower-case names."""
    if speaks_anthropic(path, headers):
        return anthropic.error_body(error, request_id)
    return openai_error_body(error)


def speaks_anthropic(path: str, headers: Mapping[str, str]) -> bool:
    if "/messages" in path:
        return True
    if "/chat/" in path or "/responses" in path:
        return False
    return "anthropic-version" in headers or "x-api-key" in headers
