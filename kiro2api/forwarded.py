"""Who asked, and by which address, when proxies stand in front.

What a proxy adds to a request is believed only if it came from one that is trusted,
and then stands in the scope itself: `client`, `scheme`, `root_path`. The headers are
taken out for everybody, so that nothing behind can believe a stranger.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from kiro2api.environment import Network

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
Address = IPv4Address | IPv6Address
Headers = list[tuple[bytes, bytes]]

FOR = b"x-forwarded-for"
PROTO = b"x-forwarded-proto"
TAKEN_OUT = frozenset(
    (FOR, PROTO, b"forwarded", b"x-real-ip")
    + tuple(b"x-forwarded-" + rest for rest in (b"host", b"port", b"prefix", b"ssl"))
)
SECURE = {"http": "https", "ws": "wss"}


class Forwarded:
    def __init__(
        self, application: Application, trusted: Sequence[Network], base_path: str
    ) -> None:
        self._application = application
        self._trusted = tuple(trusted)
        self._base_path = base_path

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            scope = self._as_asked(scope)
        await self._application(scope, receive, send)

    def _as_asked(self, scope: dict[str, Any]) -> dict[str, Any]:
        headers: Headers = scope["headers"]
        asked = {
            **scope,
            "headers": [item for item in headers if item[0].lower() not in TAKEN_OUT],
            "root_path": self._base_path,
            "path": self._base_path + below(self._base_path, scope["path"]),
        }
        peer = _address(scope["client"][0]) if scope.get("client") else None
        if peer is not None and self._trusts(peer):
            if _words(headers, PROTO)[-1:] == ["https"]:
                asked["scheme"] = SECURE.get(scope["scheme"], scope["scheme"])
            if (origin := self._origin(_words(headers, FOR))) is not None:
                asked["client"] = [str(origin), 0]
        return asked

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)

    def _origin(self, hops: Sequence[str]) -> Address | None:
        """The last hop that is not one of ours: each proxy adds whom it saw at the
        end, so what stands before that may be anybody's invention."""
        seen = None
        for hop in reversed(hops):
            address = _address(hop)
            if address is None:
                return seen
            seen = address
            if not self._trusts(address):
                return seen
        return seen


def below(base_path: str, path: str) -> str:
    """The path without the base path. A proxy may have taken it off already."""
    if base_path and (path == base_path or path.startswith(f"{base_path}/")):
        return path[len(base_path) :] or "/"
    return path


def _words(headers: Headers, name: bytes) -> list[str]:
    lines = (value for header, value in headers if header.lower() == name)
    words = b",".join(lines).decode("latin1").split(",")
    return [word.strip() for word in words if word.strip()]


def _address(text: str) -> Address | None:
    """Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
