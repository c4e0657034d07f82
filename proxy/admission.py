"""Whether a client may have a reply: its model, its quotas and its limits."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from clients import ledger
from clients.admission import Estimate, KeyGone, LimitReached
from clients.keys import Client
from clients.ledger import LedgerUnavailable
from proxy.catalog import Model
from proxy.errors import (
    GatewayError,
    KeyLimited,
    KeyMissing,
    ModelForbidden,
    Unavailable,
)
from proxy.exchange import Exchange
from proxy.messages import Prompt
from proxy.shortage import RETRY_AFTER_MOST

BUSY_RETRY_AFTER = 5
"""Seconds after which others of the key's requests may be over."""


async def admit(
    exchange: Exchange, prompt: Prompt, model: Model, input_tokens: int
) -> None:
    """Raises what the client is to hear. What the ledger reserves is settled with the
    exchange's record."""
    if exchange.client is None:
        return  # nobody outside has asked for it
    _check_model(exchange.client, prompt.model, model)
    usage = exchange.usage
    estimate = Estimate(
        model.upstream_id,
        input_tokens,
        _output_most(prompt, model),
        spent_tokens=usage.input_tokens
        + usage.output_tokens
        + usage.cache_read_tokens
        + usage.cache_write_tokens,
        spent_credits=usage.credits,
    )
    try:
        exchange.reservation = await ledger.reserve(
            exchange.client, estimate, exchange.reservation
        )
    except LimitReached as reached:
        raise _refusal(reached) from reached
    except KeyGone as error:
        raise KeyMissing("Incorrect API key provided: it is not known here") from error
    except LedgerUnavailable as error:
        raise Unavailable(
            "the gateway cannot check the limits of API keys now", retry_after=5
        ) from error


def _check_model(client: Client, asked: str, model: Model) -> None:
    names = {asked, model.name, model.upstream_id, model.listed_id}
    allowed = client.allowed_models
    if allowed and allowed.isdisjoint(name.lower() for name in names):
        raise ModelForbidden(asked[:100])


def _output_most(prompt: Prompt, model: Model) -> int:
    if prompt.max_tokens is None:
        return model.max_output
    return min(prompt.max_tokens, model.max_output)


def _refusal(reached: LimitReached) -> GatewayError:
    """In words that tell whose limit it is. A quota does not heal by trying again."""
    match reached.limit:
        case reached.limit.REQUESTS_PER_MINUTE:
            return KeyLimited(
                "this API key may not make more requests in this minute",
                retry_after=_seconds_until(reached.until),
            )
        case reached.limit.MAX_CONCURRENT:
            return KeyLimited(
                "this API key has as many requests under way as it may",
                retry_after=BUSY_RETRY_AFTER,
            )
    quota = reached.limit.value.replace("_", " ")
    if reached.until is None:
        return KeyLimited(
            f"requests under way may use up what this API key has left of its {quota}",
            retry_after=BUSY_RETRY_AFTER,
        )
    return KeyLimited(
        f"this API key has used up its {quota}: it has new ones at "
        f"{reached.until:%Y-%m-%d %H:%M} UTC",
        code="insufficient_quota",
        should_retry=False,
    )


def _seconds_until(until: datetime | None) -> int:
    if until is None:
        return BUSY_RETRY_AFTER
    left = math.ceil((until - datetime.now(UTC)).total_seconds())
    return min(max(left, 1), RETRY_AFTER_MOST)
