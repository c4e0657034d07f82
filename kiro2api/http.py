"""The one HTTP client of a process, for every call to the upstream.

httpx's interface over aiohttp's transport: httpx's own transport loses its pool
when a request is cancelled twice, which is what a disconnecting client does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar
from weakref import WeakKeyDictionary

import aiohttp
import httpx
from asgiref.sync import async_to_sync
from django.conf import settings
from httpx_aiohttp import AiohttpTransport

T = TypeVar("T")

# Cookies would carry from one account to the next: neither layer keeps any.
NO_COOKIES = DefaultCookiePolicy(allowed_domains=())
KEEPALIVE_SECONDS = 50

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
    WeakKeyDictionary()
)


def client() -> httpx.AsyncClient:
    """The running loop's client. Calls that stream pass their own read time-out."""
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        _clients[loop] = _new_client()
    return _clients[loop]


def _new_client() -> httpx.AsyncClient:
    def session() -> aiohttp.ClientSession:
        # No limit of its own: how many calls run at once is decided before them.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_SECONDS)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=2**18,
        )

    return httpx.AsyncClient(
        transport=AiohttpTransport(client=session),
        trust_env=False,
        follow_redirects=False,
        cookies=CookieJar(policy=NO_COOKIES),
        headers={"user-agent": settings.KIRO_USER_AGENT},
        timeout=httpx.Timeout(20, connect=settings.UPSTREAM_CONNECT_TIMEOUT),
    )


async def close() -> None:
    """Close the running loop's client; the next call to client() opens another."""
    if loops_client := _clients.pop(asyncio.get_running_loop(), None):
        await loops_client.aclose()


def run(call: Callable[[], Awaitable[T]]) -> T:
    """Await `call` from sync code. In a page it runs on the server's own loop and
    shares its connections; in a command on a loop that ends with it."""

    async def awaited() -> T:
        borrowed = asyncio.get_running_loop() in _clients
        try:
            return await call()
        finally:
            if not borrowed and not _serving:
                await close()

    return async_to_sync(awaited)()


_serving = False


def keep_open() -> None:
    """Called by the server: its loop's client lives until `close()`."""
    global _serving
    _serving = True
