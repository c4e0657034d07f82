"""How requests leave: straight to the upstream, or through an outbound proxy.

TLS towards the upstream is verified either way: a proxy only carries it. Where a
proxy is at fault, httpx.ProxyError says so in words that do not name it: its URL
may hold a password.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from functools import cache

import aiohttp
import aiohttp_socks
import httpx
from httpx_aiohttp import AiohttpTransport

KEEPALIVE_SECONDS = 50
SOCKS_PORT = 1080

NO_PROXY = "the account's proxy address is not one"
NOT_REACHED = "the account's proxy cannot be reached"
REFUSED = "the account's proxy refuses to connect"

_NOT_REACHED = (
    aiohttp.ClientProxyConnectionError,
    # There is no other host that a proxied call would look up or connect to.
    aiohttp.ClientConnectorDNSError,
    aiohttp.ConnectionTimeoutError,
    aiohttp_socks.ProxyConnectionError,
    aiohttp_socks.ProxyTimeoutError,
)
_REFUSED = (aiohttp.ClientHttpProxyError, aiohttp_socks.ProxyError)


class Transport(AiohttpTransport):
    """Knows how many replies are open, so that none is cut by closing it."""

    replies = 0

    def __init__(self, proxy_url: str = "") -> None:
        proxy = _parse(proxy_url) if proxy_url else None
        socks = proxy if proxy and proxy.url.scheme == "socks5" else None
        super().__init__(
            verify=_tls(),
            client=lambda: _session(socks),
            proxy=None if socks else proxy,
        )
        self._proxied = proxy is not None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.replies += 1
        try:
            response = await super().handle_async_request(request)
        except BaseException as error:
            self.replies -= 1
            if self._proxied and (fault := _fault_of_proxy(error)):
                raise httpx.ProxyError(fault, request=request) from None
            raise
        response.stream = _Reply(response.stream, self)
        return response


class _Reply(httpx.AsyncByteStream):
    def __init__(
        self, stream: httpx.SyncByteStream | httpx.AsyncByteStream, way: Transport
    ) -> None:
        assert isinstance(stream, httpx.AsyncByteStream)
        self._stream = stream
        self._way = way
        self._open = True

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._stream.__aiter__()

    async def aclose(self) -> None:
        if self._open:
            self._open = False
            self._way.replies -= 1
        await self._stream.aclose()


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _parse(proxy_url: str) -> httpx.Proxy:
    try:
        proxy = httpx.Proxy(proxy_url)
        if proxy.auth and proxy.url.scheme != "socks5":
            # aiohttp makes Proxy-Authorization of it, with CONNECT or each request.
            authorization = aiohttp.encode_basic_auth(*proxy.auth)
            proxy = httpx.Proxy(proxy.url, headers={"authorization": authorization})
    except (ValueError, httpx.InvalidURL):
        raise httpx.ProxyError(NO_PROXY) from None
    if not proxy.url.host:
        raise httpx.ProxyError(NO_PROXY)
    return proxy


def _session(socks: httpx.Proxy | None) -> aiohttp.ClientSession:
    # No limit of its own: how many calls run at once is decided before them.
    if socks is None:
        connector = aiohttp.TCPConnector(
            ssl=_tls(), limit=0, keepalive_timeout=KEEPALIVE_SECONDS
        )
    else:
        username, password = socks.auth or (None, None)
        connector = aiohttp_socks.ProxyConnector(
            host=socks.url.host,
            port=socks.url.port or SOCKS_PORT,
            username=username,
            password=password,
            # Names are looked up where the connection comes out.
            rdns=True,
            ssl=_tls(),
            limit=0,
            keepalive_timeout=KEEPALIVE_SECONDS,
        )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=2**18,
    )


def _fault_of_proxy(error: BaseException | None) -> str:
    """Empty: the upstream's, or nobody's."""
    while error is not None:
        if isinstance(error, _NOT_REACHED):
            return NOT_REACHED
        if isinstance(error, _REFUSED):
            return REFUSED
        error = error.__cause__
    return ""
