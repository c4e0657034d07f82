"""The HTTP clients of a process: one for every call to the upstream, and one more
for each outbound proxy that accounts go through.

httpx's interface over aiohttp's transport: httpx's own transport loses its pool
when a request is cancelled twice, which is what a disconnecting client does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar
from weakref import WeakKeyDictionary

import httpx
from asgiref.sync import async_to_sync
from django.conf import settings

from kiro2api.transport import Transport

T = TypeVar("T")

# Cookies would carry from one account to the next: neither layer keeps any.
NO_COOKIES = DefaultCookiePolicy(allowed_domains=())
# With more proxies than these, those that are idle are closed, the oldest first.
MOST_PROXIES = 64


@dataclass(frozen=True, slots=True)
class _Way:
    client: httpx.AsyncClient
    transport: Transport


# By the proxy's URL, the one used last at the end; "" is the direct way.
_ways: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Way]] = (
    WeakKeyDictionary()
)
_closing: set[asyncio.Task[None]] = set()


def client(proxy_url: str = "") -> httpx.AsyncClient:
    """The running loop's client for this way out; to be used at once, not kept.
    Calls that stream pass their own read time-out. Raises httpx.ProxyError."""
    ways = _ways.setdefault(asyncio.get_running_loop(), {})
    way = ways.pop(proxy_url, None) or _new_way(proxy_url)
    _make_room(ways)
    ways[proxy_url] = way
    return way.client


def _new_way(proxy_url: str) -> _Way:
    transport = Transport(proxy_url)
    return _Way(
        httpx.AsyncClient(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(policy=NO_COOKIES),
            headers={"user-agent": settings.KIRO_USER_AGENT},
            timeout=httpx.Timeout(20, connect=settings.UPSTREAM_CONNECT_TIMEOUT),
        ),
        transport,
    )


def _make_room(ways: dict[str, _Way]) -> None:
    """For one more. One that is in use stays, whatever the number."""
    idle = [url for url, way in ways.items() if url and not way.transport.replies]
    proxies = sum(map(bool, ways))
    for url in idle[: max(0, proxies + 1 - MOST_PROXIES)]:
        task = asyncio.ensure_future(ways.pop(url).client.aclose())
        _closing.add(task)
        task.add_done_callback(_closing.discard)


async def close() -> None:
    """Close the running loop's clients; the next call to client() opens another."""
    loop = asyncio.get_running_loop()
    for way in _ways.pop(loop, {}).values():
        await way.client.aclose()
    await asyncio.gather(*(task for task in _closing if task.get_loop() is loop))


def run(call: Callable[[], Awaitable[T]]) -> T:
    """Await `call` from sync code. In a page it runs on the server's own loop and
    shares its connections; in a command on a loop that ends with it."""

    async def awaited() -> T:
        borrowed = asyncio.get_running_loop() in _ways
        try:
            return await call()
        finally:
            if not borrowed and not _serving:
                await close()

    return async_to_sync(awaited)()


_serving = False


def keep_open() -> None:
    """Called by the server: its loop's clients live until `close()`."""
    global _serving
    _serving = True
