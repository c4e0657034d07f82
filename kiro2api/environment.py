"""Reads settings from the environment, and says what is wrong with one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TypeAlias, TypeVar
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ImproperlyConfigured

Number = TypeVar("Number", int, float)
Network: TypeAlias = IPv4Network | IPv6Network

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1")

asked: set[str] = set()
"""The names of all variables that were read: what there is to document."""


def text(name: str, default: str = "") -> str:
    """The variable's value. An empty one counts as not set.

    One pair of outer quotes is taken off: `docker run --env-file` hands them on
    as part of the value.
    """
    asked.add(name)
    value = os.environ.get(name, "").strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1].strip()
    return value or default


def secret(name: str) -> str:
    """The variable, or the content of the file that NAME_FILE names."""
    path = text(f"{name}_FILE")
    if not path:
        return text(name)
    if text(name):
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: keep one.")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"{name}_FILE: cannot read {path}: {error}"
        ) from error


def secret_made_once(name: str, path: Path, make: Callable[[], str]) -> str:
    """The secret from the environment, else from `path`, where the first start
    leaves a new one (mode 0600). Several processes may start at once: the
    first file stays."""
    if value := secret(name):
        return value
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(make() + "\n")
            # A hard link fails where the file exists already: never replace a key.
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first; its key is the one
        finally:
            os.unlink(draft)
    return path.read_text(encoding="utf-8").strip()


def number(
    name: str, default: Number, minimum: float, maximum: float = float("inf")
) -> Number:
    """A number of the default's own type, int or float."""
    value = text(name)
    if not value:
        return default
    kind = type(default)
    try:
        parsed = kind(value)
        if minimum <= parsed <= maximum:
            return parsed
    except ValueError:
        pass  # said below, with what is allowed
    what = "a whole number" if kind is int else "a number"
    bounds = f"of at least {minimum:g}"
    if maximum != float("inf"):
        bounds = f"from {minimum:g} to {maximum:g}"
    raise ImproperlyConfigured(f"{name}: {value!r} is not {what} {bounds}.")


def flag(name: str, default: bool) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in ("true", "1", "yes", "on"):
        return True
    if value in ("false", "0", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{name}: {value!r} is neither true nor false.")


def choice(name: str, default: str, allowed: Sequence[str]) -> str:
    value = text(name, default).lower()
    if value not in allowed:
        raise ImproperlyConfigured(
            f"{name}: {value!r} is not one of {', '.join(allowed)}."
        )
    return value


def pairs(name: str) -> dict[str, str]:
    """`a=b,c=d`"""
    found = {}
    for item in filter(None, map(str.strip, text(name).split(","))):
        key, equals, value = (word.strip() for word in item.partition("="))
        if not (key and equals and value):
            raise ImproperlyConfigured(f"{name}: {item!r} is not of the form a=b.")
        found[key] = value
    return found


def service_address(name: str, default: str) -> str:
    """A URL without a trailing slash; it may hold `{region}`. Credentials travel
    there, so plain http goes to this machine only."""
    value = text(name, default).rstrip("/")
    parts = urlsplit(value)
    plain_local = parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS
    if not parts.hostname or not (parts.scheme == "https" or plain_local):
        raise ImproperlyConfigured(
            f"{name}: {value!r} must begin with https:// "
            "(http:// only towards this machine)."
        )
    return value


def address_parts(name: str, value: str) -> SplitResult:
    """Of the address people use: it may have a path, under which all pages are then.
    Nothing in them where there is no value."""
    parts = urlsplit(value)
    plain = not (parts.query or parts.fragment or "@" in parts.netloc)
    web = parts.scheme in ("http", "https") and bool(parts.hostname)
    if value and not (plain and web):
        raise ImproperlyConfigured(
            f"{name}: {value!r} must look like https://kiro.example.com, "
            "or https://example.com/kiro."
        )
    return parts


def networks(name: str, default: str = "") -> list[Network]:
    """Addresses and networks: `10.0.0.7,172.16.0.0/12`"""
    found = []
    for item in filter(None, map(str.strip, text(name, default).split(","))):
        try:
            found.append(ip_network(item))
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{name}: {item!r} is neither an address nor a network: {error}."
            ) from error
    return found
