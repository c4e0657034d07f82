"""Opens a reply: chooses an account, calls upstream, moves on to the next.

Until the first content has been handed over, a failure that another account
could avoid is hidden from the client; afterwards failures pass through.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, assert_never

from accounts import pool
from accounts.outcomes import (
    Cancelled,
    Credential,
    Outcome,
    PoolExhausted,
    Served,
    TokenRefused,
)
from proxy import attachments, catalog, estimates, settlements, tokens
from proxy.codewhisperer import client
from proxy.codewhisperer.faults import (
    ContextOverflow,
    ModelNotOffered,
    ThinkingSignatureInvalid,
)
from proxy.codewhisperer.reasoning import native_fields
from proxy.errors import (
    AccountUnusable,
    EmptyReply,
    GatewayError,
    ModelOverloaded,
    PoolEmpty,
    PoolPausing,
    PromptTooLong,
    Unavailable,
    UpstreamFailed,
)
from proxy.exchange import Exchange
from proxy.limits import Limits
from proxy.messages import (
    Event,
    Finish,
    Prompt,
    has_thinking,
    without_thinking,
)
from proxy.pump import Batch, Pump
from proxy.routing import model_for
from proxy.search import search
from proxy.websearch import with_searches

# So long a client is kept waiting for a status; then its stream opens, and
# what fails later is an error event.
FIRST_EVENT_SECONDS = 10.0
# The budget of one request: calls to upstream, and seconds in which to start one.
TRIES_MOST = 6
TRYING_SECONDS = 60.0
EMPTY_REPLIES_MOST = 2
OVERLOADS_MOST = 1
OVERLOAD_PAUSE = 1.0
# Longer waits stall every session of a client that obeys them.
RETRY_AFTER_MOST = 30


class OpenReply:
    """A reply under way. Use as a context manager or close it: leaving it ends
    the upstream call."""

    def __init__(self, pump: Pump, exchange: Exchange, input_tokens: int) -> None:
        self.exchange = exchange
        self.input_tokens = input_tokens
        """Estimated; the Finish knows better."""
        self.has_begun = False
        self._pump = pump

    async def wait(self, seconds: float) -> bool:
        """Wait for events or the end; False if there were none in time."""
        in_time = await self._pump.wait(seconds)
        self.has_begun = self.has_begun or in_time
        return in_time

    def raise_if_failed(self) -> None:
        """Raise what kept the reply from beginning."""
        self._pump.raise_if_failed()

    def take(self) -> list[Event] | None:
        """What there is to read; None at the end."""
        return self._pump.take()

    async def __aiter__(self) -> AsyncIterator[Batch]:
        async for batch in self._pump:
            yield batch

    def abandon(self) -> None:
        self._pump.abandon()

    async def close(self) -> None:
        await self._pump.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


async def open_reply(prompt: Prompt, exchange: Exchange) -> OpenReply:
    """The reply to a prompt, with its first event there, or FIRST_EVENT_SECONDS
    gone. Failures until then are raised."""
    prompt = await attachments.resolve(prompt)
    model = await model_for(prompt.model)
    exchange.model = prompt.model
    exchange.unhonoured = prompt.unhonoured
    input_tokens = tokens.estimate(prompt, model)

    def call(prompt: Prompt) -> AsyncGenerator[Batch, None]:
        estimate = tokens.estimate(prompt, model)
        return _Attempts(prompt, model, estimate, exchange).run()

    if prompt.web_search:
        events = with_searches(prompt, prompt.web_search, call, search)
    else:
        events = _Attempts(prompt, model, input_tokens, exchange).run()
    reply = OpenReply(Pump(events), exchange, input_tokens)
    try:
        if await reply.wait(FIRST_EVENT_SECONDS):
            reply.raise_if_failed()
    except BaseException:
        await reply.close()
        raise
    return reply


@dataclass(slots=True)
class _Attempts:
    """The calls to upstream that one request may cost."""

    prompt: Prompt
    model: catalog.Model
    input_tokens: int
    exchange: Exchange
    excluded: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    empty_replies: int = 0
    overloads: int = 0
    last_failure: GatewayError | None = None
    deadline: float = field(default_factory=lambda: time.monotonic() + TRYING_SECONDS)

    async def run(self) -> AsyncGenerator[Batch, None]:
        for attempt in range(1, TRIES_MOST + 1):
            credential = await self._checkout()
            self.exchange.account = credential.account
            self.exchange.tries = attempt
            begun = False
            try:
                async with aclosing(self._call(credential)) as batches:
                    async for batch in batches:
                        begun = True
                        yield batch
                return
            except GatewayError as error:
                # Written before the next account is tried: others must know too.
                if error.outcome:
                    await pool.settle(credential, error.outcome)
                if begun or not self._may_go_on(credential, error):
                    raise
                out_of_tries = attempt == TRIES_MOST
                if out_of_tries or time.monotonic() > self.deadline:
                    raise
                self.last_failure = error
            if isinstance(self.last_failure, ModelOverloaded):
                await asyncio.sleep(OVERLOAD_PAUSE)

    async def _checkout(self) -> Credential:
        try:
            return await pool.checkout(
                exclude=self.excluded, model=self.model.listed_id
            )
        except PoolExhausted as shortage:
            if isinstance(self.last_failure, ModelNotOffered):
                raise PoolEmpty(
                    f"no account of the pool has the model {self.prompt.model}",
                    should_retry=False,
                ) from shortage
            # What the accounts left out for this request ran into says more than
            # that none is left.
            if self.last_failure and not isinstance(self.last_failure, AccountUnusable):
                raise self.last_failure from shortage
            raise shortage_error(shortage) from shortage

    async def _call(self, credential: Credential) -> AsyncGenerator[Batch, None]:
        """One upstream call. Booked as served once its Finish has passed; a call
        that is left before was cancelled."""
        outcome: Outcome | None = Cancelled()
        limits = Limits(
            self.prompt,
            self.model.upstream_id,
            self.input_tokens,
            upstream_counts="max_tokens" in native_fields(self.prompt, self.model),
        )
        try:
            batches = client.stream(
                credential, self.prompt, self.model, self.input_tokens
            )
            async with aclosing(batches):
                async for batch in batches:
                    kept = limits.feed(batch)
                    if not kept:
                        continue
                    self.exchange.began()
                    if isinstance(last := kept[-1], Finish):
                        self.exchange.usage += last.usage
                        outcome = Served(last.usage.credits)
                        estimates.compare(self.model, self.input_tokens, last.usage)
                    yield kept
                    if limits.finished:
                        break
        except GatewayError:
            outcome = None  # the caller settles it, by what went wrong
            raise
        finally:
            if outcome:
                settlements.book(credential, outcome)

    def _may_go_on(self, credential: Credential, error: GatewayError) -> bool:
        """Whether another call may help; leaves out accounts that cannot."""
        account = credential.account_id
        match error:
            case ContextOverflow():
                # Never fewer than the maximum: the client compacts by these numbers.
                tokens_over = max(self.input_tokens, self.model.window + 1)
                raise PromptTooLong(tokens_over, self.model.window) from error
            case ThinkingSignatureInvalid() if has_thinking(self.prompt):
                self.prompt = without_thinking(self.prompt)
                self.input_tokens = tokens.estimate(self.prompt, self.model)
                return True
            case AccountUnusable(outcome=TokenRefused()) if account not in self.refused:
                self.refused.add(account)  # once more, with a renewed token
                return True
            case EmptyReply():
                self.empty_replies += 1
                return self.empty_replies <= EMPTY_REPLIES_MOST
            case ModelOverloaded():
                self.overloads += 1
                return self.overloads <= OVERLOADS_MOST
            case UpstreamFailed(retryable=True):
                self.excluded.add(account)
                return True
            case _:
                return False


def shortage_error(shortage: PoolExhausted) -> GatewayError:
    """Why the pool has no account, as clients should hear it: whoever obeys a
    long wait stalls, and whoever retries what cannot heal is never told."""
    match shortage.shortage:
        case "quota":
            when = (
                f" until {shortage.until:%Y-%m-%d %H:%M} UTC" if shortage.until else ""
            )
            return PoolPausing(
                f"every account of the pool is out of credits{when}",
                should_retry=False,
            )
        case "cooling":
            return PoolPausing(
                "every account of the pool is pausing: try again shortly",
                retry_after=_seconds_until(shortage.until),
            )
        case "none":
            return PoolEmpty(
                "no account is set up: add one in the admin", should_retry=False
            )
        case "no_model":
            return PoolEmpty(
                f"no account of the pool has the model {shortage.model}",
                should_retry=False,
            )
        case "rejected":
            return PoolEmpty(
                "no account of the pool can be used: a person has to look at the "
                "admin's list of accounts",
                should_retry=False,
            )
        case "away":
            return Unavailable("the gateway's database cannot be reached now")
        case _:
            assert_never(shortage.shortage)


def _seconds_until(until: datetime | None) -> int:
    if until is None:
        return RETRY_AFTER_MOST
    left = math.ceil((until - datetime.now(UTC)).total_seconds())
    return min(max(left, 1), RETRY_AFTER_MOST)
