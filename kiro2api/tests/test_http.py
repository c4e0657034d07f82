"""Clients by way out: whose calls go through which proxy, and what is kept open."""

from __future__ import annotations

import asyncio
import ssl
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kiro2api import http
from kiro2api.tests.proxies import http_proxy, socks_proxy

NOBODY = "127.0.0.1:9"
LOGIN = "ann:hush"
WAYS = {"http": http_proxy, "socks5": socks_proxy}


@pytest.fixture(autouse=True)
async def closed() -> AsyncIterator[None]:
    yield
    await http.close()


@asynccontextmanager
async def upstream(tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Says hello to everybody and keeps the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            try:
                await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize("scheme", WAYS)
@pytest.mark.parametrize("login", ["", LOGIN])
async def test_a_proxy_is_gone_through(scheme, login):
    async with WAYS[scheme](login) as proxy, upstream() as url:
        response = await http.client(proxy.url).get(f"{url}/way")
        assert response.text == "hello"
        there = f"GET {url}/way" if scheme == "http" else url.removeprefix("http://")
        assert proxy.asked == [there]
        assert (await http.client().get(url)).text == "hello"
        assert proxy.asked == [there]


@pytest.mark.parametrize("scheme", WAYS)
async def test_the_upstreams_certificate_is_verified_through_a_proxy(
    scheme, self_signed
):
    async with WAYS[scheme]() as proxy, upstream(self_signed) as url:
        with pytest.raises(httpx.TransportError) as raised:
            await http.client(proxy.url).get(url)
        assert not isinstance(raised.value, httpx.ProxyError)
        assert "certificate" in str(raised.value).lower()
        there = url.removeprefix("https://")
        assert proxy.asked == [f"CONNECT {there}" if scheme == "http" else there]


@pytest.mark.parametrize(
    ("proxy_url", "told"),
    [
        (f"http://{LOGIN}@{NOBODY}", "the account's proxy cannot be reached"),
        (f"socks5://{LOGIN}@{NOBODY}", "the account's proxy cannot be reached"),
        ("http://hush.invalid:1", "the account's proxy cannot be reached"),
        ("socks5://hush.invalid:1", "the account's proxy cannot be reached"),
        ("ftp://hush@example.com", "the account's proxy address is not one"),
        ("hush", "the account's proxy address is not one"),
        ("http://hush%3Ahush:x@h", "the account's proxy address is not one"),
        ("socks5://", "the account's proxy address is not one"),
    ],
)
async def test_a_bad_proxy_is_told_and_not_named(proxy_url, told):
    with pytest.raises(httpx.ProxyError) as raised:
        await http.client(proxy_url).get("https://127.0.0.1:9")
    assert str(raised.value) == told
    assert "hush" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("scheme", WAYS)
async def test_a_proxy_that_does_not_know_us_refuses(scheme, self_signed):
    async with WAYS[scheme](LOGIN) as proxy, upstream(self_signed) as url:
        with pytest.raises(httpx.ProxyError, match="proxy refuses to connect"):
            await http.client(proxy.url.replace("hush", "wrong")).get(url)


async def test_one_client_serves_a_proxy_and_keeps_its_connection():
    async with socks_proxy() as proxy, upstream() as url:
        first = http.client(proxy.url)
        await first.get(url)
        assert http.client(proxy.url) is first
        await http.client(proxy.url).get(url)
        assert len(proxy.asked) == 1
        assert http.client() is not first


async def test_of_too_many_proxies_the_idle_ones_are_closed():
    async with http_proxy() as proxy, upstream() as url:
        used = http.client(proxy.url)
        request = used.build_request("GET", url)
        reply = await used.send(request, stream=True)
        idle = http.client("http://127.0.0.1:1")
        for port in range(2, http.MOST_PROXIES + 10):
            http.client(f"http://127.0.0.1:{port}")
        direct = http.client()
        await http.client().get(url)
        assert idle.is_closed
        assert not used.is_closed
        assert http.client(proxy.url) is used
        assert http.client() is direct
        assert await reply.aread() == b"hello"
        for port in range(100, 100 + http.MOST_PROXIES):
            http.client(f"http://127.0.0.1:{port}")
        await http.client().get(url)
        assert used.is_closed


async def test_closing_closes_every_way():
    async with socks_proxy() as proxy, upstream() as url:
        clients = [http.client(), http.client(proxy.url)]
        for client in clients:
            await client.get(url)
        await http.close()
        assert all(client.is_closed for client in clients)
        assert http.client(proxy.url) is not clients[1]


async def test_a_call_cancelled_twice_leaves_the_way_usable():
    """What a client that hangs up does; and the way is idle again afterwards."""
    async with socks_proxy() as proxy, upstream() as url:
        for _ in range(30):
            call = asyncio.create_task(http.client(proxy.url).get(url))
            await asyncio.sleep(0)
            call.cancel()
            await asyncio.sleep(0)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        client = http.client(proxy.url)
        assert (await client.get(url)).text == "hello"
        for port in range(1, http.MOST_PROXIES + 1):
            http.client(f"http://127.0.0.1:{port}")
        assert http.client(proxy.url) is not client
