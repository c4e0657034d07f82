"""What can go wrong with a request, as the client will be told.

GatewayError
├── BadRequest             400  the request cannot be served as it stands
│   ├── PromptTooLong           in the wording that makes clients compact
│   └── UpstreamRejected        upstream refuses it, and would on every account
├── KeyMissing             401  no key, or none that we know
├── ModelForbidden         403  this key may not use the model
├── NotFound               404  no such path
│   └── ModelUnknown            no such model
├── UploadTooSlow          408  the body did not come in time
├── BodyTooLarge           413
├── KeyLimited             429  the key's own quota, rate or limit is reached
├── PoolPausing            429  every account is out of credits or pausing
├── PoolEmpty              503  no account can serve until a person helps
├── ModelOverloaded        529  upstream has no capacity for the model
├── Unavailable            503  our own database is away
├── UpstreamTimeout        504  upstream was silent for too long
└── UpstreamFailed         502  upstream or the network failed
    ├── EmptyReply              upstream answered, with nothing
    ├── StreamBroken            the reply ended where it must not
    └── AccountUnusable         this account cannot; another one might

Each knows its HTTP status and its `kind`, which every dialect maps to its own
type. Messages are ours: no text of the service, no secret, no part of a prompt.
`outcome` is what the pool must learn of it, if anything.
"""

from __future__ import annotations

import re
from typing import ClassVar, Literal

import msgspec

from accounts.outcomes import Failed, ModelUnavailable, Outcome

Kind = Literal[
    "invalid_request",
    "authentication",
    "permission",
    "not_found",
    "too_large",
    "rate_limit",
    "overloaded",
    "timeout",
    "server",
]


class GatewayError(Exception):
    status: ClassVar[int] = 500
    kind: ClassVar[Kind] = "server"
    outcome: Outcome | None = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
        should_retry: bool | None = None,
    ) -> None:
        """`param` is the path of the field at fault; `retry_after` is seconds."""
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after
        self.should_retry = should_retry


class BadRequest(GatewayError):
    status = 400
    kind = "invalid_request"


class PromptTooLong(BadRequest):
    def __init__(self, tokens: int, maximum: int) -> None:
        super().__init__(
            f"prompt is too long: {tokens} tokens > {maximum} maximum",
            code="context_length_exceeded",
        )


class UpstreamRejected(BadRequest):
    pass


class KeyMissing(GatewayError):
    status = 401
    kind = "authentication"


class ModelForbidden(GatewayError):
    status = 403
    kind = "permission"

    def __init__(self, model: str) -> None:
        super().__init__(
            f"this API key may not use the model {model}",
            param="model",
            code="model_not_found",
        )


class NotFound(GatewayError):
    status = 404
    kind = "not_found"


class ModelUnknown(NotFound):
    def __init__(self, model: str, known: list[str]) -> None:
        self.model = model
        names = ", ".join(known)
        super().__init__(
            f"model: {model} is not known here. Available: {names}",
            param="model",
            code="model_not_found",
        )


class BodyTooLarge(GatewayError):
    status = 413
    kind = "too_large"


class UploadTooSlow(GatewayError):
    status = 408
    kind = "timeout"


class KeyLimited(GatewayError):
    status = 429
    kind = "rate_limit"


class PoolPausing(GatewayError):
    status = 429
    kind = "rate_limit"


class PoolEmpty(GatewayError):
    status = 503


class ModelOverloaded(GatewayError):
    status = 529
    kind = "overloaded"
    outcome = ModelUnavailable()


class Unavailable(GatewayError):
    status = 503


class UpstreamTimeout(GatewayError):
    status = 504
    kind = "timeout"
    outcome = Failed("the service was silent for too long")


class UpstreamFailed(GatewayError):
    status = 502

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        """`retryable`: trying again, on this or another account, may help."""
        super().__init__(message)
        self.retryable = retryable
        self.outcome = Failed(message)


class EmptyReply(UpstreamFailed):
    def __init__(self) -> None:
        super().__init__("upstream gave an empty answer")
        self.should_retry = False  # it was asked again here already


class StreamBroken(UpstreamFailed):
    pass


class AccountUnusable(UpstreamFailed):
    def __init__(self, message: str, outcome: Outcome) -> None:
        super().__init__(message)
        self.outcome = outcome


_INDEX = re.compile(r"\[(\d+)\]")


def invalid_field(error: msgspec.ValidationError, below: str = "") -> BadRequest:
    """msgspec says "Expected `str`, got `int` - at `$.messages[0].role`"."""
    what, _, where = str(error).partition(" - at `")
    path = _INDEX.sub(r".\1", where.rstrip("`").removeprefix("$")).strip(".")
    full = ".".join(part for part in (below, path) if part)
    return BadRequest(f"{full}: {what}" if full else what, param=full or None)
