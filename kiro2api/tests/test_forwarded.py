"""Whose word counts about who asked and how."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from kiro2api.forwarded import Forwarded, below

TRUSTED = ("127.0.0.0/8", "10.0.0.0/24", "2001:db8:1::/64")
PROXY, STRANGER = "127.0.0.1", "203.0.113.9"


async def asked(
    peer: str | None, *headers: tuple[str, str], base_path: str = "", **scope: Any
) -> dict[str, Any]:
    """The scope as the program behind gets to see it."""
    seen: list[dict[str, Any]] = []

    async def program(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope)

    forwarded = Forwarded(program, [ip_network(n) for n in TRUSTED], base_path)
    given = {
        "type": "http",
        "scheme": "http",
        "path": "/",
        "client": peer and [peer, 4711],
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        **scope,
    }
    await forwarded(given, None, None)
    return seen[0]


@pytest.mark.parametrize(
    ("peer", "hops", "client"),
    [
        (PROXY, "198.51.100.1", "198.51.100.1"),
        ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("2001:db8:1::7", "198.51.100.1", "198.51.100.1"),
        # A chain of proxies: the last one that is not ours.
        (PROXY, "198.51.100.1, 10.0.0.7", "198.51.100.1"),
        # What the client itself put in front is not believed.
        (PROXY, "192.0.2.66, 198.51.100.1", "198.51.100.1"),
        (PROXY, "192.0.2.66, 198.51.100.1, 10.0.0.7", "198.51.100.1"),
        # As some proxies write it
        (PROXY, "198.51.100.1:50123", "198.51.100.1"),
        (PROXY, "[2001:db8::9]:50123", "2001:db8::9"),
        (PROXY, "2001:db8::9", "2001:db8::9"),
        # From within: everybody on the way is ours.
        (PROXY, "10.0.0.3, 10.0.0.7", "10.0.0.3"),
        # Nonsense ends the walk where it still made sense.
        (PROXY, "unknown, 10.0.0.7", "10.0.0.7"),
        (PROXY, "<script>", PROXY),
        (PROXY, "", PROXY),
        (STRANGER, "198.51.100.1", STRANGER),
        (STRANGER, "127.0.0.1", STRANGER),
    ],
)
async def test_the_client_is_who_a_trusted_proxy_says(
    peer: str, hops: str, client: str
):
    scope = await asked(peer, ("x-forwarded-for", hops))
    assert scope["client"][0] == client


async def test_several_lines_are_one_list():
    lines = [("X-Forwarded-For", "192.0.2.66"), ("x-forwarded-for", "198.51.100.1")]
    assert (await asked(PROXY, *lines))["client"][0] == "198.51.100.1"


@pytest.mark.parametrize(
    ("peer", "kind", "scheme", "said", "expected"),
    [
        (PROXY, "http", "http", "https", "https"),
        (PROXY, "websocket", "ws", "https", "wss"),
        (PROXY, "http", "http", "http", "http"),
        (PROXY, "http", "http", "gopher", "http"),
        # The proxy nearest to us is the last.
        (PROXY, "http", "http", "https, http", "http"),
        (STRANGER, "http", "http", "https", "http"),
        (STRANGER, "websocket", "ws", "https", "ws"),
    ],
)
async def test_a_connection_is_secure_if_a_trusted_proxy_says_so(
    peer: str, kind: str, scheme: str, said: str, expected: str
):
    header = ("x-forwarded-proto", said)
    assert (await asked(peer, header, type=kind, scheme=scheme))["scheme"] == expected


@pytest.mark.parametrize("peer", [PROXY, STRANGER, None])
async def test_the_headers_go_no_further(peer: str | None):
    names = ("For", "Proto", "Host", "Port", "Prefix")
    headers = [(f"X-Forwarded-{name}", "10.0.0.1") for name in names]
    headers += [("Forwarded", "for=10.0.0.1"), ("X-Real-IP", "10.0.0.1")]
    scope = await asked(peer, *headers, ("host", "example.com"))
    assert scope["headers"] == [(b"host", b"example.com")]


async def test_without_an_address_nobody_is_trusted():
    scope = await asked(None, ("x-forwarded-for", "198.51.100.1"))
    assert scope["client"] is None


@pytest.mark.parametrize(
    ("base_path", "path", "rest"),
    [
        ("", "/admin/", "/admin/"),
        ("/kiro", "/kiro/admin/", "/admin/"),
        ("/kiro", "/admin/", "/admin/"),
        ("/kiro", "/kiro", "/"),
        ("/kiro", "/kiro/", "/"),
        ("/kiro", "/kirov/", "/kirov/"),
        ("/a/b", "/a/b/v1/messages", "/v1/messages"),
    ],
)
async def test_a_proxy_may_take_the_base_path_off_or_not(
    base_path: str, path: str, rest: str
):
    assert below(base_path, path) == rest
    scope = await asked(PROXY, base_path=base_path, path=path)
    assert (scope["root_path"], scope["path"]) == (base_path, base_path + rest)


async def test_what_is_no_request_is_left_alone():
    assert await asked(PROXY, type="lifespan", base_path="/kiro") == await asked(
        PROXY, type="lifespan"
    )
