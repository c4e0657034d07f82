"""Reads what people upload: files in, what each of their entries holds or lacks out.

Any shape that `importers` reads, a token file and its registration file side by
side, kiro-cli's database, and backups. Nothing of a file is quoted in a fault, and a
file that holds no accounts is refused before it is taken apart.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from django.utils.translation import gettext_noop

from accounts import backup
from accounts.importers import (
    Entry,
    Found,
    NotJson,
    is_sqlite,
    read_entries,
    read_sqlite,
)

BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    # What a redirection in PowerShell writes.
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# A thousand accounts of twenty-five keys have 30,000. What has more is no file of
# accounts, and taken apart it would fill the memory.
MOST_VALUES = 60_000
# A registration is one small object in a file of its own.
LARGEST_REGISTRATION = 20_000


@dataclass(frozen=True, slots=True)
class Source:
    """A file, or what was pasted."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unusable:
    fault: str
    """English, and the key of its translation."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    file: str
    number: int
    """Within the file, counted from 1; 0: of the file as a whole."""
    found: Entry | backup.Record | Unusable


Text: TypeAlias = tuple[str, str]


def read(sources: Sequence[Source]) -> Iterator[Item]:
    texts = list[Text]()
    for source in sources:
        if source.content.startswith(backup.MARK):
            yield from _read_backup(source)
        elif is_sqlite(source.content):
            yield from _items(source.name, read_sqlite(source.content))
        elif (text := as_text(source.content)) is None:
            fault = gettext_noop("this is neither text nor kiro-cli's database")
            yield Item(source.name, 0, Unusable(fault))
        else:
            texts.append((source.name, text))
    for name, text in _with_registrations(texts):
        yield from _read_text(name, text)


def as_text(content: bytes) -> str | None:
    """None: it is not text in UTF-8, or in UTF-16 with its byte order mark."""
    encoding = "utf-8"
    for mark, of_mark in BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            encoding = of_mark
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else text


def _read_backup(source: Source) -> Iterator[Item]:
    try:
        records = backup.read(source.content)
    except backup.NotReadable as error:
        yield Item(source.name, 0, Unusable(str(error)))
        return
    for number, record in enumerate(records, start=1):
        yield Item(source.name, number, record)


def _read_text(name: str, text: str) -> Iterator[Item]:
    if sum(map(text.count, ",{[")) > MOST_VALUES:
        fault = gettext_noop("this has more values than a file of accounts has")
        yield Item(name, 0, Unusable(fault))
        return
    try:
        found = read_entries(text)
    except NotJson as error:
        yield Item(name, 0, Unusable(gettext_noop("this is not JSON"), str(error)))
        return
    yield from _items(name, found)


def _items(name: str, found: Found) -> Iterator[Item]:
    if not found.entries and not found.faults:
        yield Item(name, 0, Unusable(gettext_noop("there is no account in it")))
    items = [Item(name, entry.index, entry) for entry in found.entries]
    items += [Item(name, f.index, Unusable(f.fault)) for f in found.faults]
    yield from sorted(items, key=lambda item: item.number)


def _with_registrations(texts: Sequence[Text]) -> Iterator[Text]:
    """The IDE keeps an organisation's client in a second file, which the token file
    names by its `clientIdHash`; the reader wants it behind the tokens."""
    registrations = [text for text in texts if _registers(text)]
    joined = set[Text]()
    for name, content in texts:
        if (name, content) in registrations:
            continue
        theirs = _named_in(content, registrations)
        joined.update(theirs)
        yield name, "\n".join([content, *(registered for _, registered in theirs)])
    yield from (text for text in registrations if text not in joined)


def _named_in(content: str, registrations: list[Text]) -> list[Text]:
    if '"clientIdHash"' not in content:
        return []
    named = [
        (name, registered)
        for name, registered in registrations
        if f'"{name.removesuffix(".json")}"' in content
    ]
    return named or (registrations if len(registrations) == 1 else [])


def _registers(text: Text) -> bool:
    content = text[1]
    return (
        len(content) <= LARGEST_REGISTRATION
        and '"clientSecret"' in content
        and '"refreshToken"' not in content
    )
