"""Fetches a file from an address that a client chose.

That address is a stranger's, and so is each one it redirects to. Connections are
made to public addresses only, and the address that was checked is the one that
is connected to: the check stands between the resolved name and the socket, and
nothing is resolved after it. Every failure to connect reads the same, so that
nobody learns from it what there is inside.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, TypeAlias

import aiohttp
from yarl import URL

from proxy.media.addresses import is_public

MayConnect: TypeAlias = Callable[[str, int], bool]
"""Whether a connection to an address, a number, and a port may be made."""

MOST_BYTES = 10_000_000
MOST_REDIRECTS = 3
SECONDS = 10.0
USER_AGENT = "kiro2api (fetching an image for a person)"

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_PIECE = 2**16


class NotFetched(Exception):
    """Says why, in words of ours."""


async def fetch(
    url: str, may_connect: MayConnect = is_public, seconds: float = SECONDS
) -> bytes:
    try:
        async with asyncio.timeout(seconds), _session(may_connect) as session:
            return await _follow(session, _parse(url))
    except TimeoutError:
        raise NotFetched("it did not come in time") from None
    except (aiohttp.ClientError, OSError, ValueError):
        raise NotFetched("it could not be fetched") from None


async def _follow(session: aiohttp.ClientSession, url: URL) -> bytes:
    for _ in range(MOST_REDIRECTS + 1):
        async with session.get(url, allow_redirects=False) as response:
            if response.status in _REDIRECTS:
                url = _parse(response.headers.get("location", ""), url)
                continue
            if response.status != 200:
                raise NotFetched(f"its server answered {response.status}")
            return await _body(response)
    raise NotFetched("it was redirected too often")


def _parse(text: str, base: URL | None = None) -> URL:
    """Raises ValueError for what is no URL at all."""
    url = base.join(URL(text)) if base else URL(text)
    if url.scheme not in ("http", "https") or not url.host:
        raise NotFetched("its address is not one of http or https")
    if url.user is not None or url.password is not None:
        raise NotFetched("its address has a password in it")
    return url


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_chunked(_PIECE):
        body += piece
        if len(body) > MOST_BYTES:
            raise NotFetched(f"it is larger than {MOST_BYTES:,} bytes")
    return bytes(body)


def _session(may_connect: MayConnect) -> aiohttp.ClientSession:
    def open_socket(target: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, (address, port, *_) = target
        if not may_connect(address, port):
            raise OSError("not a public address")
        return socket.socket(family, kind, protocol)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            socket_factory=open_socket, use_dns_cache=False, force_close=True
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"user-agent": USER_AGENT, "accept-encoding": "identity"},
        # A compressed body is no picture, and could be a thousand times its size.
        auto_decompress=False,
        trust_env=False,
    )
