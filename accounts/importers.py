"""Reads the credential files people have: content in, entries and named faults out.

- kiro2api's KIRO_AUTH_TOKEN: an array of objects, or one object
- the IDE's `kiro-auth-token.json`, alone or followed by its registration file
  (the one in the same folder that its `clientIdHash` names)
- `credentials.json` of kiro.rs and files of the same keys
- kiro-cli's `data.sqlite3`

An entry that cannot be used is a Fault and does not keep the others back. Faults
never quote a value: it may be a secret in the wrong place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from accounts import kirocli
from accounts.entries import Entry, Json, Unusable, read_entry, registers

__all__ = [
    "Entry",
    "Fault",
    "Found",
    "NotJson",
    "in_order_of_use",
    "is_sqlite",
    "read_entries",
    "read_sqlite",
]

LARGEST_FILE = 10 * 1024 * 1024
# Far more than a pool has: what has more is something else.
MOST_ENTRIES = 20_000


class NotJson(ValueError):
    """The text is not JSON; says where, by line and column."""


@dataclass(frozen=True, slots=True)
class Fault:
    index: int
    """Counted from 1, as people count."""
    fault: str

    def __str__(self) -> str:
        return f"entry {self.index}: {self.fault}"


@dataclass(frozen=True, slots=True)
class Found:
    """Both in the order in which they stand there."""

    entries: list[Entry]
    faults: list[Fault]


def read_entries(text: str) -> Found:
    """Raises NotJson."""
    objects = _objects(text)
    registrations = [o for o in objects if isinstance(o, dict) and registers(o)]
    # With several, nobody can say which belongs to whom.
    registration = registrations[0] if len(registrations) == 1 else None
    return _found(
        (o for o in objects if registration is None or o is not registration),
        registration,
    )


def is_sqlite(content: bytes) -> bool:
    return content.startswith(kirocli.MARK)


def read_sqlite(source: Path | bytes) -> Found:
    """kiro-cli's database, as a file or as its content; it is only read. One that
    cannot be is a Fault."""
    try:
        return _found(kirocli.read_logins(source))
    except kirocli.NotReadable as error:
        return Found([], [Fault(1, str(error))])


def in_order_of_use(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.priority)


def _found(items: Iterable[object], registration: Json | None = None) -> Found:
    found = Found([], [])
    for index, item in enumerate(items, start=1):
        try:
            entry = read_entry(item, registration)
        except Unusable as fault:
            found.faults.append(Fault(index, str(fault)))
        else:
            found.entries.append(replace(entry, index=index))
    return found


def _objects(text: str) -> Sequence[object]:
    """The items of all documents in the text, which may follow one another."""
    if len(text) > LARGEST_FILE:
        raise NotJson(f"larger than {LARGEST_FILE // 2**20} MiB")
    decoder, items, position = json.JSONDecoder(), list[object](), 0
    text = text.removeprefix("\ufeff").rstrip()
    while (position := _after_space(text, position)) < len(text):
        try:
            document, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise NotJson(
                f"{error.msg} at line {error.lineno}, column {error.colno}"
            ) from None
        except (ValueError, RecursionError):
            raise NotJson("a number too long or nested too deep") from None
        items += document if isinstance(document, list) else [document]
        if len(items) > MOST_ENTRIES:
            raise NotJson("more entries than a file of accounts has")
    return items


_SPACE = re.compile(r"\s*")


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    assert found, "it matches nothing, too"
    return found.end()
