"""Searches of the web that the model asks for, done within one reply.

The client declares the search and runs nothing for it. A reply with searches is
a chain of upstream's replies with the promises of one: indexes go on, and there
is one Finish, which counts all of them.

- The model's call of the search becomes a ServerToolUse, and what came of it the
  ServerToolResult behind it. A search that fails is such a result too.
- A reply that ends in searches alone is followed by the next, whose prompt holds
  what was found.
- A reply that calls tools of the client's as well ends there. Their results come
  with the client's next request, and so do the searches, as its history.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TypeAlias, TypeGuard, assert_never
from urllib.parse import urlsplit

from proxy.errors import GatewayError
from proxy.messages import (
    Event,
    Finish,
    Message,
    Part,
    PartDelta,
    PartEnd,
    PartStart,
    Prompt,
    Reply,
    ReplyPart,
    SearchFault,
    SearchResult,
    ServerToolResult,
    ServerToolUse,
    Text,
    ToolChoice,
    ToolResult,
    ToolUse,
    Usage,
    WebSearch,
)
from proxy.pump import Batch
from proxy.searchtool import NAME, QUERY_MOST, TOOL, fault_in_words, in_words

logger = logging.getLogger(__name__)

Call: TypeAlias = Callable[[Prompt], AsyncGenerator[Batch, None]]
"""The upstream's reply to a prompt."""
Search: TypeAlias = Callable[[str], Awaitable[tuple[SearchResult, ...]]]
"""Raises GatewayError."""

USES_MOST = 20
"""Whatever the client allows."""
USES = 8
"""Where the client does not say."""


async def with_searches(
    prompt: Prompt, wish: WebSearch, call: Call, search: Search
) -> AsyncGenerator[Batch, None]:
    """The events of the whole chain, as they come."""
    chain = _Chain(prompt, wish)
    while True:
        async with aclosing(call(chain.prompt)) as batches:
            async for batch in batches:
                events: list[Event] = []
                for event in batch:
                    events += chain.feed(event)
                    if use := chain.asked():
                        yield events  # the client sees what is searched for
                        events = chain.answer(use, *await chain.found(use, search))
                if events:
                    yield events
        if chain.finished:
            return
        chain.go_on()


class _Chain:
    """Where the chain of replies stands."""

    def __init__(self, prompt: Prompt, wish: WebSearch) -> None:
        self.prompt = replace(prompt, tools=(*prompt.tools, TOOL))
        """Of the reply that comes next, or is coming."""
        self.finished = False
        self._wish = wish
        self._uses_left = min(wish.max_uses or USES, USES_MOST)
        # One more than searches, for the answer; and one for a search too many.
        self._replies_left = self._uses_left + 2
        self._usage = Usage()
        self._shown = 0
        """Parts so far, of this reply and of those before."""
        self._reply = Reply()
        self._results: list[ToolResult] = []

    def feed(self, event: Event) -> list[Event]:
        """What the client sees of it."""
        self._reply.add(event)
        match event:
            case PartDelta(text=text):
                return [PartDelta(self._shown - 1, text)]
            case PartStart(part=part):
                if _is_search(part):
                    part = ServerToolUse(part.id, part.name, {})
                return self._start(part)
            case PartEnd(signature=signature):
                return [PartEnd(self._shown - 1, signature)]
            case Finish():
                return self._finish(event)
            case _:
                assert_never(event)

    def asked(self) -> ToolUse | None:
        """The search that the model has just asked for."""
        uses = [part for part in self._reply.parts if _is_search(part)]
        return uses[-1] if len(uses) > len(self._results) else None

    async def found(
        self, use: ToolUse, search: Search
    ) -> tuple[tuple[SearchResult, ...], SearchFault | None]:
        query = use.input.get("query")
        if not isinstance(query, str) or not query.strip():
            return (), "no_query"
        if len(query) > QUERY_MOST:
            return (), "query_too_long"
        if not self._uses_left:
            return (), "uses_spent"
        self._uses_left -= 1
        self._usage += Usage(searches=1)
        try:
            results = await search(query)
        except GatewayError as error:
            logger.warning("a web search failed: %s", error)
            return (), "unavailable"
        return tuple(r for r in results if _is_wanted(r.url, self._wish)), None

    def answer(
        self,
        use: ToolUse,
        results: tuple[SearchResult, ...],
        fault: SearchFault | None,
    ) -> list[Event]:
        text = fault_in_words(fault) if fault else in_words(results)
        self._results.append(ToolResult(use.id, (Text(text),), fault is not None))
        started = self._start(ServerToolResult(use.id, results, fault))
        return [*started, PartEnd(self._shown - 1)]

    def go_on(self) -> None:
        """The conversation, with this reply and what was found at its end."""
        said = tuple(part for part in self._reply.parts if isinstance(part, Part))
        self.prompt = replace(
            self.prompt,
            messages=(
                *self.prompt.messages,
                Message("assistant", said),
                Message("user", tuple(self._results)),
            ),
            # What was to be called first has been called.
            tool_choice=ToolChoice(parallel=self.prompt.tool_choice.parallel),
            max_tokens=self._tokens_left(),
        )
        self._reply, self._results = Reply(), []

    def _start(self, part: ReplyPart) -> list[Event]:
        self._shown += 1
        return [PartStart(self._shown - 1, part)]

    def _finish(self, finish: Finish) -> list[Event]:
        self._usage += finish.usage
        self._replies_left -= 1
        reason = finish.reason
        uses = [part for part in self._reply.parts if isinstance(part, ToolUse)]
        if self._results and reason == "tool_use" and all(map(_is_search, uses)):
            if self._tokens_left() == 0:
                reason = "token_limit"
            elif self._replies_left:
                return []
            else:
                reason = "end"
        self.finished = True
        return [Finish(reason, self._usage, finish.stop_sequence)]

    def _tokens_left(self) -> int | None:
        if self.prompt.max_tokens is None:
            return None
        return max(self.prompt.max_tokens - self._reply.whole.usage.output_tokens, 0)


def _is_search(part: ReplyPart) -> TypeGuard[ToolUse]:
    return isinstance(part, ToolUse) and part.name == NAME


def _is_wanted(url: str, wish: WebSearch) -> bool:
    if wish.allowed_domains and not any(_is_of(url, d) for d in wish.allowed_domains):
        return False
    return not any(_is_of(url, domain) for domain in wish.blocked_domains)


def _is_of(url: str, domain: str) -> bool:
    """A domain covers those below it, and may go on with the beginning of a path."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    wanted, _, path = domain.lower().partition("/")
    return f".{host}".endswith(f".{wanted}") and parts.path.startswith(f"/{path}")
