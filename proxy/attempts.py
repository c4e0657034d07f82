"""The calls to upstream that one request costs: an account, then the next.

Until the first content has been handed over, a failure that another account
could avoid is hidden from the client; afterwards failures pass through.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from accounts import pool
from accounts.outcomes import (
    Cancelled,
    Credential,
    Need,
    Outcome,
    PoolExhausted,
    Served,
    TokenRefused,
)
from clients.costs import Rate
from kiro2api import requestid
from proxy import estimates, settlements, tokens
from proxy.catalog import Model
from proxy.codewhisperer import client
from proxy.codewhisperer.faults import (
    ContextOverflow,
    ModelNotOffered,
    ThinkingSignatureInvalid,
)
from proxy.codewhisperer.meter import Metered
from proxy.codewhisperer.reasoning import native_fields
from proxy.errors import (
    AccountUnusable,
    EmptyReply,
    GatewayError,
    ModelOverloaded,
    PoolPausing,
    PromptTooLong,
    UpstreamFailed,
)
from proxy.exchange import Exchange
from proxy.limits import Limits
from proxy.messages import Finish, Prompt, Usage, has_thinking, without_thinking
from proxy.pump import Batch
from proxy.shortage import refusal

# The budget of one request: calls to upstream, and seconds in which to start one.
TRIES_MOST = 8
TRYING_SECONDS = 60.0
EMPTY_REPLIES_MOST = 2
OVERLOADS_MOST = 1
OVERLOAD_PAUSE = 1.0


@dataclass(slots=True)
class Attempts:
    prompt: Prompt
    model: Model
    exchange: Exchange
    input_tokens: int
    """Estimated."""
    rate: Rate
    """What the model's replies cost."""
    account_id: int | None = None
    """The only account to try, if a person chose one."""
    excluded: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    empty_replies: int = 0
    overloads: int = 0
    last_failure: GatewayError | None = None
    deadline: float = field(default_factory=lambda: time.monotonic() + TRYING_SECONDS)

    async def run(self) -> AsyncGenerator[Batch, None]:
        for attempt in range(1, TRIES_MOST + 1):
            credential = await self._checkout()
            requestid.account.set(credential.account)
            self.exchange.account = credential.account
            self.exchange.account_id = credential.account_id
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
                else:
                    await pool.give_back(credential)
                if begun or not self._may_go_on(credential, error):
                    raise
                self.last_failure = error
                if attempt == TRIES_MOST or time.monotonic() > self.deadline:
                    raise self._given_up(error) from error
            if isinstance(self.last_failure, ModelOverloaded):
                await asyncio.sleep(OVERLOAD_PAUSE)

    def _given_up(self, error: GatewayError) -> GatewayError:
        """Accounts that could not were passed over, and others may be left."""
        if not isinstance(error, AccountUnusable):
            return error
        return PoolPausing(
            "many accounts in a row could not serve: try again", retry_after=1
        )

    async def _checkout(self) -> Credential:
        try:
            return await pool.checkout(self._need(), exclude=self.excluded)
        except PoolExhausted as shortage:
            if isinstance(self.last_failure, ModelNotOffered):
                missing = PoolExhausted("no_model", model=self.prompt.model)
                raise refusal(missing) from shortage
            # What the accounts left out for this request ran into says more than
            # that none is left; of an account that was named, whatever it was.
            named = self.account_id is not None
            if self.last_failure and (
                named or not isinstance(self.last_failure, AccountUnusable)
            ):
                raise self.last_failure from shortage
            raise refusal(shortage) from shortage

    def _need(self) -> Need:
        client = self.exchange.client
        return Need(
            model=self.model.listed_id,
            group=client.account_group if client else "",
            session=self.prompt.conversation,
            account_id=self.account_id,
        )

    async def _call(self, credential: Credential) -> AsyncGenerator[Batch, None]:
        """One upstream call. Booked as served once its Finish has passed; a call
        that is left before was cancelled."""
        outcome: Outcome | None = None
        metered = Metered()
        has_begun = is_refused = False
        limits = Limits(
            self.prompt,
            self.model.upstream_id,
            self.input_tokens,
            upstream_counts="max_tokens" in native_fields(self.prompt, self.model),
        )
        try:
            batches = client.stream(
                credential, self.prompt, self.model, self.input_tokens, metered
            )
            async with aclosing(batches):
                async for batch in batches:
                    has_begun = True
                    kept = limits.feed(batch)
                    if not kept:
                        continue
                    self.exchange.began()
                    if isinstance(last := kept[-1], Finish):
                        outcome = Served(self._spend(last.usage))
                        estimates.compare(self.model, self.input_tokens, last.usage)
                    yield kept
                    if limits.finished:
                        break
        except GatewayError:
            is_refused = True  # the caller settles it, by what went wrong
            raise
        finally:
            if outcome is None and (has_begun or metered.credits or not is_refused):
                spent = replace(limits.usage(), credits=metered.credits)
                outcome = Cancelled(self._spend(spent))
            if outcome and not is_refused:
                settlements.book(credential, outcome)

    def _spend(self, usage: Usage) -> float:
        """Add what one call has cost to what the request has; in credits. Where
        upstream has not told, and it costs all the same, they are estimated."""
        if not usage.credits:
            estimated = self.rate.credits(self.input_tokens, usage.output_tokens)
            usage = replace(usage, credits=estimated)
            self.exchange.estimated = True
        self.exchange.usage += usage
        return usage.credits

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
