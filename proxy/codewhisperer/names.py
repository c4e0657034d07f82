"""Names and ids in the form CodeWhisperer takes, and the way back.

Tool names and tool use ids are 1 to 64 characters of [a-zA-Z0-9_-]. What does
not fit is shortened with a piece of its own SHA-256, so that a name maps to the
same name in every request of a conversation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

MAX_TOOL_NAME = 63
"""One less than the service's model says: peers saw 64 refused."""
MAX_TOOL_USE_ID = 64
MAX_DEPTH = 64
"""Levels of a schema, and of an input, that are looked at. No tool for people is
that deep; the limit keeps a hostile one from exhausting the stack."""

_FITS = re.compile(r"[a-zA-Z0-9_-]+")
_DOES_NOT_FIT = re.compile(r"[^a-zA-Z0-9_-]")


def shortened(name: str, limit: int) -> Iterator[str]:
    """Stand-ins for `name`, the preferred one first: as much of it as goes, and
    a digest that tells it from every other name."""
    digest = sha256(name.encode(errors="surrogatepass")).hexdigest()
    readable = _DOES_NOT_FIT.sub("_", name)
    for length in range(8, limit):
        yield f"{readable[: limit - 1 - length]}_{digest[:length]}"


def fit_id(tool_use_id: str) -> str:
    """R-ID: an id the service takes; the same one whenever it comes."""
    if len(tool_use_id) <= MAX_TOOL_USE_ID and _FITS.fullmatch(tool_use_id):
        return tool_use_id
    return next(shortened(tool_use_id, MAX_TOOL_USE_ID))


@dataclass(frozen=True, slots=True)
class ToolNames:
    """The client's names of tools and their properties, and upstream's."""

    upstream: Mapping[str, str]
    _client: Mapping[str, str]
    _properties: Mapping[str, Mapping[str, str]]
    """By the client's name of a tool, where any had to be shortened: the short
    names of its properties, and the client's."""

    def restore(self, name: str) -> str:
        """The client's name; upstream does not tell names apart by their case."""
        return self._client.get(name.casefold(), name)

    def renames_input(self, tool: str) -> bool:
        return tool in self._properties

    def restore_input(self, tool: str, value: Any) -> Any:
        return _rename_keys(value, self._properties.get(tool, {}))

    def shorten_input(self, tool: str, value: Any) -> Any:
        long = {name: short for short, name in self._properties.get(tool, {}).items()}
        return _rename_keys(value, long)


def name_tools(
    names: Iterable[str], properties: Mapping[str, Mapping[str, str]] | None = None
) -> ToolNames:
    """R-TOOL-NAME: every name fits, and no two meet, whatever their case.

    A name that fits keeps itself, so that no shortened one can take its place;
    of two that differ only by case the later one is shortened.
    """
    upstream: dict[str, str] = {}
    client: dict[str, str] = {}
    misfits: list[str] = []
    for name in dict.fromkeys(names):
        fits = len(name) <= MAX_TOOL_NAME and _FITS.fullmatch(name)
        if fits and name.casefold() not in client:
            upstream[name] = client[name.casefold()] = name
        else:
            misfits.append(name)
    for name in misfits:
        upstream[name] = next(
            short
            for short in shortened(name, MAX_TOOL_NAME)
            if short.casefold() not in client
        )
        client[upstream[name].casefold()] = name
    return ToolNames(upstream, client, properties or {})


def _rename_keys(value: Any, names: Mapping[str, str], depth: int = 0) -> Any:
    if not names or depth > MAX_DEPTH:
        return value
    match value:
        case dict():
            return {
                names.get(key, key): _rename_keys(item, names, depth + 1)
                for key, item in value.items()
            }
        case list():
            return [_rename_keys(item, names, depth + 1) for item in value]
        case _:
            return value
