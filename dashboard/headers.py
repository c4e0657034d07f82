"""Headers of everything the dashboard answers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.http import HttpResponseBase

P = ParamSpec("P")
Response = TypeVar("Response", bound=HttpResponseBase)

# All that a page loads comes from here; none of it is written inline.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


def private(
    view: Callable[P, Coroutine[Any, Any, Response]],
) -> Callable[P, Coroutine[Any, Any, Response]]:
    """Nothing keeps the answer, and the page is held to its own host."""

    @wraps(view)
    async def with_headers(*args: P.args, **kwargs: P.kwargs) -> Response:
        response = await view(*args, **kwargs)
        response["Cache-Control"] = "no-store"
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    return with_headers
