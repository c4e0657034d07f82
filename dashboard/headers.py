"""Headers of everything the dashboard answers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse

Response = TypeVar("Response", bound=HttpResponse)

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
    view: Callable[[HttpRequest], Coroutine[Any, Any, Response]],
) -> Callable[[HttpRequest], Coroutine[Any, Any, Response]]:
    """Nothing keeps the answer, and the page is held to its own host."""

    @wraps(view)
    async def with_headers(request: HttpRequest) -> Response:
        response = await view(request)
        response["Cache-Control"] = "no-store"
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    return with_headers
