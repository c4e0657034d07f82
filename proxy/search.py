"""One search of the web, by an account of the pool."""

from __future__ import annotations

from accounts import pool
from accounts.outcomes import Need, PoolExhausted, TokenRefused
from proxy.codewhisperer import mcp
from proxy.errors import AccountUnusable, UpstreamFailed
from proxy.messages import SearchResult

TRIES_MOST = 2


async def search(query: str, group: str = "") -> tuple[SearchResult, ...]:
    """By an account of the group. Raises GatewayError."""
    excluded: set[int] = set()
    failure: Exception | None = None
    for _ in range(TRIES_MOST):
        try:
            credential = await pool.checkout(Need(group=group), excluded)
        except PoolExhausted as shortage:
            raise UpstreamFailed("no account can search now") from failure or shortage
        try:
            return await mcp.search(credential, query)
        except AccountUnusable as error:
            failure = error
            # An account that may not search may well answer: it is passed over for
            # this search, and only a token that was refused is told to the pool.
            if isinstance(error.outcome, TokenRefused):
                await pool.settle(credential, error.outcome)
            else:
                excluded.add(credential.account_id)
        finally:
            await pool.give_back(credential)
    raise UpstreamFailed("no account could search") from failure
