"""Opens a reply to a prompt, and holds it open while it is read."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial
from types import TracebackType
from typing import Self

from clients.costs import rate_of
from proxy import attachments, tokens
from proxy.admission import admit
from proxy.attempts import Attempts
from proxy.exchange import Exchange
from proxy.messages import Event, Prompt
from proxy.pump import Batch, Pump
from proxy.routing import model_for
from proxy.search import search
from proxy.websearch import with_searches

# So long a client is kept waiting for a status; then its stream opens, and
# what fails later is an error event.
FIRST_EVENT_SECONDS = 10.0


class OpenReply:
    """A reply under way. Use as a context manager or close it: leaving it ends
    the upstream call."""

    def __init__(self, pump: Pump, exchange: Exchange, input_tokens: int) -> None:
        self.exchange = exchange
        self.input_tokens = input_tokens
        """Estimated; the Finish knows better."""
        self.has_begun = False
        self._pump = pump
        exchange.reply_opened()
        pump.when_ended(exchange.reply_ended)

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


async def open_reply(
    prompt: Prompt, exchange: Exchange, account_id: int | None = None
) -> OpenReply:
    """The reply to a prompt, with its first event there, or FIRST_EVENT_SECONDS
    gone. Failures until then are raised. `account_id`: by this account alone."""
    prompt = await attachments.resolve(prompt)
    model = await model_for(prompt.model)
    exchange.model = prompt.model
    exchange.served_model = model.name
    exchange.session = prompt.conversation
    exchange.unhonoured = prompt.unhonoured
    input_tokens = tokens.estimate(prompt, model)
    await admit(exchange, prompt, model, input_tokens)
    rate = await rate_of(model.upstream_id)
    client = exchange.client

    def call(prompt: Prompt, input_tokens: int) -> AsyncGenerator[Batch, None]:
        attempts = Attempts(prompt, model, exchange, input_tokens, rate, account_id)
        return attempts.run()

    if prompt.web_search:
        events = with_searches(
            prompt,
            prompt.web_search,
            lambda prompt: call(prompt, tokens.estimate(prompt, model)),
            partial(search, group=client.account_group if client else ""),
        )
    else:
        events = call(prompt, input_tokens)
    reply = OpenReply(Pump(events), exchange, input_tokens)
    try:
        if await reply.wait(FIRST_EVENT_SECONDS):
            reply.raise_if_failed()
    except BaseException:
        await reply.close()
        raise
    return reply
