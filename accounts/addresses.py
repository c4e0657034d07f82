"""Addresses that belong to an account: its token endpoint, its outbound proxy."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, quote, unquote, urlsplit

from kiro2api.environment import LOOPBACK_HOSTS

# Printable ASCII: an address goes into a request as it is.
ADDRESS = re.compile(r"[\x21-\x7e]{1,300}")
# A header holds name and password of a proxy; SOCKS5 has a byte for their length.
PROXY_LOGIN = re.compile(r"[\x20-\x7e]{0,255}")
PROXY_SCHEMES = ("http", "https", "socks5")


def is_token_endpoint(text: str) -> bool:
    """Where refresh tokens travel: https, or this machine; nothing hidden in it."""
    parts = _split(text)
    if parts is None or "@" in parts.netloc or parts.fragment:
        return False
    plain_local = parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS
    return parts.scheme == "https" or plain_local


def is_proxy_url(text: str) -> bool:
    parts = _split(text)
    if parts is None or parts.scheme not in PROXY_SCHEMES:
        return False
    login = [unquote(part or "") for part in (parts.username, parts.password)]
    return (
        parts.path in ("", "/")
        and not (parts.query or parts.fragment)
        and all(PROXY_LOGIN.fullmatch(part) for part in login)
        # Between the two in the header.
        and ":" not in login[0]
    )


def with_login(proxy_url: str, username: str, password: str) -> str:
    """Name and password put into a proxy's address that has none."""
    scheme, mark, rest = proxy_url.partition("://")
    if not (username and mark) or "@" in rest:
        return proxy_url
    return f"{scheme}://{quote(username, safe='')}:{quote(password, safe='')}@{rest}"


def _split(text: str) -> SplitResult | None:
    """None: there is no host in it, or no port where one should be."""
    if not ADDRESS.fullmatch(text):
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.hostname else None
