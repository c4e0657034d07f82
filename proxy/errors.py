"""What can go wrong with a request, as the client will be told.

GatewayError
├── BadRequest             400  the request cannot be served as it stands
│   ├── PromptTooLong           in the wording that makes clients compact
│   └── UpstreamRejected        upstream refuses it, and would on every account
├── KeyMissing             401  no key, or none that we know
├── NotFound               404  no such path
│   └── ModelUnknown            no such model
├── BodyTooLarge           413
├── NoAccount          429/503  the pool has no account for this call
├── ModelOverloaded        529  upstream has no capacity for the model
├── Unavailable            503  our own database is away
├── UpstreamTimeout        504  upstream was silent for too long
└── UpstreamFailed         502  upstream or the network failed
    ├── StreamBroken            the reply ended where it must not
    └── AccountUnusable         this account cannot; another one might

Each knows its HTTP status and its `kind`, which every dialect maps to its own
type. Messages are ours: no text of the service, no secret, no part of a prompt.
`outcome` is what the pool must learn of it, if anything.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from accounts.outcomes import Failed, ModelUnavailable, Outcome

Kind = Literal[
    "invalid_request",
    "authentication",
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


class NotFound(GatewayError):
    status = 404
    kind = "not_found"


class ModelUnknown(NotFound):
    def __init__(self, model: str, known: list[str]) -> None:
        names = ", ".join(known)
        super().__init__(
            f"model: {model} is not known here. Available: {names}",
            param="model",
            code="model_not_found",
        )


class BodyTooLarge(GatewayError):
    status = 413
    kind = "too_large"


class NoAccount(GatewayError):
    kind = "server"


class AllAccountsPausing(NoAccount):
    status = 429
    kind = "rate_limit"


class AccountsMissing(NoAccount):
    status = 503


class ModelOverloaded(GatewayError):
    status = 529
    kind = "overloaded"
    outcome: Outcome = ModelUnavailable()


class Unavailable(GatewayError):
    status = 503


class UpstreamTimeout(GatewayError):
    status = 504
    kind = "timeout"
    outcome: Outcome = Failed("the service was silent for too long")


class UpstreamFailed(GatewayError):
    status = 502

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        """`retryable`: trying again, on this or another account, may help."""
        super().__init__(message)
        self.retryable = retryable
        self.outcome: Outcome = Failed(message)


class StreamBroken(UpstreamFailed):
    pass


class AccountUnusable(UpstreamFailed):
    def __init__(self, message: str, outcome: Outcome) -> None:
        super().__init__(message)
        self.outcome = outcome
