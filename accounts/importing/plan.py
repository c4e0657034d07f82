"""What an import would do, line by line, and the doing of it.

A plan is made anew for each step, from the files: what is shown is what is known at
that moment, and what is written is looked at again while it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from accounts import backup
from accounts.backup import Record
from accounts.importers import Entry
from accounts.importing.files import Item, Source, Unusable, read
from accounts.intake import digest_of, login_fields, replace_login, take_in
from accounts.models import Account, ImportedToken
from kiro2api.encryption import SecretUnreadable

# What one transaction writes in some seconds, and a page can show.
MOST_ENTRIES = 1000


class Fate(models.TextChoices):
    NEW = "new", _("new")
    REPLACED = "replaced", _("replaced")
    KNOWN = "known", _("known")
    REPEATED = "repeated", _("twice")
    FAULT = "fault", _("unusable")


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    """Over all files, counted from 1."""
    item: Item
    fate: Fate
    account: Account | None = None
    """The one that it is known as."""
    first: int = 0
    """The line that it repeats."""


@dataclass(frozen=True, slots=True)
class Plan:
    lines: Sequence[Line]
    too_many: bool = False
    """There are more than these: nothing is done."""

    @property
    def changes(self) -> list[Line]:
        if self.too_many:
            return []
        return [line for line in self.lines if line.fate in (Fate.NEW, Fate.REPLACED)]

    @property
    def faults(self) -> list[Line]:
        return [line for line in self.lines if line.fate == Fate.FAULT]

    def count(self, fate: Fate) -> int:
        return sum(line.fate == fate for line in self.lines)


@dataclass(frozen=True, slots=True)
class Written:
    added: Sequence[Account]
    replaced: Sequence[Account]


def make_plan(sources: Sequence[Source], *, replace: bool = False) -> Plan:
    """`replace`: accounts that a backup knows go back to its state."""
    items, too_many = _limited(read(sources))
    known = _Known(items)
    seen: dict[str, int] = {}
    lines = []
    for number, item in enumerate(items, start=1):
        line = _line(number, item, known, seen, replace)
        lines.append(line)
        if line.fate != Fate.REPEATED:
            seen.update(dict.fromkeys(_digests(item.found), number))
    return Plan(lines, too_many)


def _limited(reading: Iterable[Item]) -> tuple[list[Item], bool]:
    """What a backup holds is taken, however much: nobody else can have made it."""
    items, entries = list[Item](), 0
    for item in reading:
        entries += not isinstance(item.found, Record)
        if entries > MOST_ENTRIES:
            return items, True
        items.append(item)
    return items, False


def carry_out(plan: Plan) -> Written:
    """All of it or nothing."""
    added, replaced = [], []
    with transaction.atomic():
        for line in sorted(plan.changes, key=_priority):
            match line.item.found, line.account:
                case Entry() as entry, None:
                    # By hand: also what was deleted since.
                    if account := take_in(entry, again=True):
                        added.append(account)
                case Record() as record, None:
                    added.append(backup.add(record))
                case Entry() as entry, Account() as account:
                    replace_login(account.pk, login_fields(entry))
                    replaced.append(account)
                case Record() as record, Account() as account:
                    backup.replace(account, record)
                    replaced.append(account)
    return Written(added, replaced)


def _line(
    number: int, item: Item, known: _Known, seen: Mapping[str, int], replace: bool
) -> Line:
    if isinstance(item.found, Unusable):
        return Line(number, item, Fate.FAULT)
    for digest in _digests(item.found):
        if digest in seen:
            return Line(number, item, Fate.REPEATED, first=seen[digest])
    account = known.owner_of(item.found)
    if account is None:
        return Line(number, item, Fate.NEW)
    match item.found:
        case Entry() as entry:
            replaces = _mends(entry, account)
        case Record():
            replaces = replace
        case _ as never:
            assert_never(never)
    return Line(number, item, Fate.REPLACED if replaces else Fate.KNOWN, account)


def _mends(entry: Entry, account: Account) -> bool:
    """It has another client, or a login where there is none any more. Only where the
    account's own is dead: of two that work nobody can tell which is the newer."""
    if account.blocked_reason != Account.Block.REJECTED:
        return False
    try:
        own = Account.objects.with_secrets().get(pk=account.pk)
    except SecretUnreadable:
        return True
    client = (own.client_id, own.client_secret)
    emptied = not (own.refresh_token or own.api_key)
    return emptied or client != (entry.client_id, entry.client_secret)


class _Known:
    """The accounts of the database that these items are about."""

    def __init__(self, items: Sequence[Item]) -> None:
        digests = {digest for item in items for digest in _digests(item.found)}
        owners = dict(
            ImportedToken.objects.filter(digest__in=digests)
            .exclude(account=None)
            .values_list("digest", "account_id")
        )
        accounts = Account.objects.in_bulk(set(owners.values()))
        self._by_digest = {
            digest: accounts[pk] for digest, pk in owners.items() if pk in accounts
        }
        names = {item.found.name for item in items if isinstance(item.found, Record)}
        # Their tokens were forgotten, or they were deleted and signed in anew.
        others = Account.objects.filter(name__in=names).exclude(pk__in=accounts)
        self._by_name = {(account.name, account.kind): account for account in others}

    def owner_of(self, found: Entry | Record) -> Account | None:
        for digest in _digests(found):
            if account := self._by_digest.get(digest):
                return account
        if isinstance(found, Record):
            # Each row once: the next record of that name is another account.
            return self._by_name.pop((found.name, found.kind), None)
        return None


def _digests(found: Entry | Record | Unusable) -> Sequence[str]:
    match found:
        case Entry():
            return [digest_of(found.secret)]
        case Record():
            return sorted(found.digests)
        case Unusable():
            return []


def _priority(line: Line) -> int:
    """Of those that are added; a backup's have their places."""
    return line.item.found.priority if isinstance(line.item.found, Entry) else 0
