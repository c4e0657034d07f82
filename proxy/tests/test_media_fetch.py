from __future__ import annotations

import asyncio
import socket
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from proxy.media.fetch import MOST_BYTES, MOST_REDIRECTS, NotFetched, fetch

PICTURE = b"\x89PNG\r\n\x1a\n and so on"


def anywhere(address: str, port: int) -> bool:
    """For the server of a test; never for a stranger's address."""
    return True


@dataclass
class Site:
    """A web server on loopback that remembers what it was asked."""

    url: str = ""
    port: int = 0
    asked: list[web.BaseRequest] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.asked]


Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Site]:
    site = Site()

    async def remember(request: web.BaseRequest) -> web.StreamResponse:
        site.asked.append(request)
        return await answer(request)

    server = web.Server(remember)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    site.port = listener.sockets[0].getsockname()[1]
    site.url = f"http://127.0.0.1:{site.port}"
    try:
        yield site
    finally:
        listener.close()
        await server.shutdown(0)


async def picture(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=PICTURE)


async def test_it_fetches_what_may_be_reached() -> None:
    async with serving(picture) as site:
        assert await fetch(f"{site.url}/a.png?size=1", anywhere) == PICTURE
    headers = site.asked[0].headers
    assert site.asked[0].path_qs == "/a.png?size=1"
    assert headers["accept-encoding"] == "identity"
    assert "kiro2api" in headers["user-agent"]
    assert "cookie" not in headers


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_loopback_is_not_reached_by_number_nor_by_name(host: str) -> None:
    async with serving(picture) as site:
        with pytest.raises(NotFetched, match="it could not be fetched"):
            await fetch(f"http://{host}:{site.port}/")
    assert site.asked == []


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "127.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "１２７.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
    ],
)
async def test_other_ways_to_write_loopback_do_not_reach_it(host: str) -> None:
    async with serving(picture) as site:
        with pytest.raises(NotFetched):
            await fetch(f"http://{host}:{site.port}/")
    assert site.asked == []


async def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    checked: list[tuple[str, int]] = []

    def only_loopback(address: str, port: int) -> bool:
        checked.append((address, port))
        return address == "127.0.0.1"

    reached: list[tuple[str, int]] = []

    async def note_address(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport
        reached.append(request.transport.get_extra_info("sockname"))
        return await picture(request)

    async with serving(note_address) as site:
        await fetch(f"http://localhost:{site.port}/", only_loopback)
    assert reached == [("127.0.0.1", site.port)]
    assert checked[-1:] == reached


async def test_each_redirect_is_checked_anew() -> None:
    async with serving(picture) as inner:

        async def lead_inside(request: web.BaseRequest) -> web.StreamResponse:
            raise web.HTTPFound(f"{inner.url}/secret")

        async with serving(lead_inside) as outer:

            def outer_only(address: str, port: int) -> bool:
                return port == outer.port

            with pytest.raises(NotFetched, match="it could not be fetched"):
                await fetch(f"{outer.url}/", outer_only)
            assert outer.paths == ["/"]
    assert inner.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_few_redirects_are_followed(status: int) -> None:
    async def onwards(request: web.BaseRequest) -> web.StreamResponse:
        at = int(request.path[1:])
        if at == MOST_REDIRECTS:
            return await picture(request)
        return web.Response(status=status, headers={"location": f"/{at + 1}"})

    async with serving(onwards) as site:
        assert await fetch(f"{site.url}/0", anywhere) == PICTURE
    assert site.paths == ["/0", "/1", "/2", "/3"]


async def test_many_redirects_are_not() -> None:
    async def round_and_round(request: web.BaseRequest) -> web.StreamResponse:
        raise web.HTTPFound(request.path)

    async with serving(round_and_round) as site:
        with pytest.raises(NotFetched, match="redirected too often"):
            await fetch(f"{site.url}/", anywhere)
    assert len(site.asked) == MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1/",
        "data:image/png;base64,AAAA",
        "http://user:word@127.0.0.1/",
        "http://user@127.0.0.1/",
        "http://a b/",
        "http://127.0.0.1:99999/",
        "http://[::1/",
    ],
)
async def test_a_redirect_to_another_kind_of_address_ends_it(target: str) -> None:
    async def elsewhere(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=302, headers={"location": target})

    async with serving(elsewhere) as site:
        with pytest.raises(NotFetched):
            await fetch(f"{site.url}/", anywhere)
    assert site.paths == ["/"]


@pytest.mark.parametrize(
    "url", ["", "a.png", "file:///etc/passwd", "http://u:p@127.0.0.1/", "http:///x"]
)
async def test_another_kind_of_address_is_not_fetched(url: str) -> None:
    with pytest.raises(NotFetched):
        await fetch(url, anywhere)


async def test_nobody_learns_whether_there_is_something_inside() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NotFetched) as nothing_there:
        await fetch(f"http://127.0.0.1:{port}/", anywhere)
    async with serving(picture) as site:
        with pytest.raises(NotFetched) as inside:
            await fetch(f"{site.url}/")
    assert str(nothing_there.value) == str(inside.value)


async def test_an_error_of_its_server_is_no_picture() -> None:
    async def missing(request: web.BaseRequest) -> web.StreamResponse:
        raise web.HTTPNotFound

    async with serving(missing) as site:
        with pytest.raises(NotFetched, match="404"):
            await fetch(f"{site.url}/", anywhere)


async def test_an_endless_body_is_given_up() -> None:
    sent = 0

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(2**16))
            sent += 2**16

    async with serving(endless) as site:
        with pytest.raises(NotFetched, match="larger than 10,000,000 bytes"):
            await fetch(f"{site.url}/", anywhere, seconds=120)
    assert MOST_BYTES < sent < 3 * MOST_BYTES


async def test_a_slow_body_is_given_up() -> None:
    given_up = asyncio.Event()

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(PICTURE)
        await given_up.wait()
        return response

    async with serving(slow) as site:
        with pytest.raises(NotFetched, match="in time"):
            await fetch(f"{site.url}/", anywhere, seconds=0.5)
        given_up.set()


async def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(NotFetched, match="in time"):
            await fetch(f"http://127.0.0.1:{port}/", anywhere, seconds=0.5)


async def test_a_compressed_body_stays_as_it_is() -> None:
    packed = zlib.compress(bytes(50_000_000))

    async def bomb(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=packed, headers={"content-encoding": "deflate"})

    async with serving(bomb) as site:
        assert await fetch(f"{site.url}/", anywhere) == packed


async def test_proxies_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(picture) as site, serving(picture) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert await fetch(f"{site.url}/", anywhere) == PICTURE
    assert proxy.asked == []
