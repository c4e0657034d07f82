"""Outbound proxies on the loopback: an HTTP one and a SOCKS5 one, that note who
went where."""

from __future__ import annotations

import asyncio
import base64
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlsplit

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter


@dataclass
class Proxy:
    url: str = ""
    login: str = ""
    """`user:password`; empty: everybody may."""
    asked: list[str] = field(default_factory=list)
    """What it was asked for, one line per connection or absolute-form request."""
    open: int = 0


@asynccontextmanager
async def http_proxy(login: str = "") -> AsyncIterator[Proxy]:
    """Takes CONNECT, and requests in absolute form for plain http."""
    proxy = Proxy(login=login)

    async def serve(reader: Reader, writer: Writer) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *fields = head.decode().split("\r\n")
        method, target, version = line.split(" ")
        proxy.asked.append(f"{method} {target}")
        wanted = base64.b64encode(login.encode()).decode()
        if login and f"proxy-authorization: basic {wanted}".lower() not in (
            field.lower() for field in fields
        ):
            writer.write(b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
            return
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            there = await asyncio.open_connection(host, int(port))
            writer.write(b"HTTP/1.1 200 Go\r\n\r\n")
        else:
            parts = urlsplit(target)
            there = await asyncio.open_connection(parts.hostname, parts.port)
            path = target.split(parts.netloc, 1)[1]
            kept = [f for f in fields if not f.lower().startswith("proxy-")]
            there[1].write("\r\n".join([f"{method} {path} {version}", *kept]).encode())
        await _both_ways(reader, writer, *there)

    scheme = f"http://{login}@" if login else "http://"
    async with _serving(proxy, serve, scheme):
        yield proxy


@asynccontextmanager
async def socks_proxy(login: str = "") -> AsyncIterator[Proxy]:
    proxy = Proxy(login=login)

    async def serve(reader: Reader, writer: Writer) -> None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        method = 2 if login else 0
        if method not in methods:
            writer.write(b"\x05\xff")
            return
        writer.write(bytes([5, method]))
        if login and not await _known(reader, writer, login):
            return
        _, _, _, kind = await reader.readexactly(4)
        if kind == 1:
            host = socket.inet_ntoa(await reader.readexactly(4))
        else:
            (length,) = await reader.readexactly(1)
            host = (await reader.readexactly(length)).decode()
        (port,) = struct.unpack("!H", await reader.readexactly(2))
        proxy.asked.append(f"{host}:{port}")
        # No name server knows these, not even for a test: they are this machine.
        here = host.removesuffix(".localhost") != host
        there = await asyncio.open_connection("127.0.0.1" if here else host, port)
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        await _both_ways(reader, writer, *there)

    scheme = f"socks5://{login}@" if login else "socks5://"
    async with _serving(proxy, serve, scheme):
        yield proxy


async def _known(reader: Reader, writer: Writer, login: str) -> bool:
    _, length = await reader.readexactly(2)
    user = await reader.readexactly(length)
    (length,) = await reader.readexactly(1)
    password = await reader.readexactly(length)
    known = user + b":" + password == login.encode()
    writer.write(b"\x01\x00" if known else b"\x01\x01")
    return known


@asynccontextmanager
async def _serving(
    proxy: Proxy, serve: Callable[[Reader, Writer], Awaitable[None]], scheme: str
) -> AsyncIterator[None]:
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: Reader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        proxy.open += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await serve(reader, writer)
        finally:
            proxy.open -= 1
            connections.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    proxy.url = f"{scheme}127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with AsyncExitStack() as stack:
        stack.callback(server.close)
        yield
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _both_ways(
    reader: Reader, writer: Writer, there_reader: Reader, there_writer: Writer
) -> None:
    async def pass_on(source: Reader, target: Writer) -> None:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()

    try:
        await asyncio.gather(
            pass_on(reader, there_writer), pass_on(there_reader, writer)
        )
    finally:
        there_writer.close()
