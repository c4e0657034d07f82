"""Which addresses a URL of a stranger may lead to: those of the public Internet.

Python's `is_global` knows the registries but not what stands inside an address:
an IPv6 one can carry an IPv4 one, and some network then delivers to that.
"""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

WEB_PORTS = frozenset((80, 443))

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_NOT_TO_REACH = (
    IPv4Network("168.63.129.16/32"),  # public by number: Azure's host, from inside
    IPv4Network("192.0.0.0/24"),  # protocol assignments, metadata of some clouds
    IPv4Network("192.88.99.0/24"),  # 6to4 relays
    IPv6Network("2001::/23"),  # protocol assignments, Teredo among them
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("3fff::/20"),  # documentation
)


def is_public(address: str, port: int) -> bool:
    """Of a web server that anybody can reach."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return port in WEB_PORTS and _is_public(found)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return _is_public(address.ipv4_mapped)
        if address in _NAT64:
            return _is_public(IPv4Address(address.packed[-4:]))
        if address not in _GLOBAL_UNICAST:
            return False
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in network for network in _NOT_TO_REACH)
    )
