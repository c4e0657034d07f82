"""Which account serves next: the order that the strategy gives, and the turn taken.

- Sequential: the first in order that can serve. It is read, and nothing is written.
- Least used: the one with the smallest share of the work. A turn adds one to it.
- Round robin: likewise, but a turn puts the share beyond that of all others.

Whoever could not serve, as it is new, was blocked or disabled, has fallen behind. Its
first turn brings its share up to that of the others: what it has missed, it does not
catch up on. The share also makes a turn unique: the UPDATE names the one that was
read, and whoever comes second looks again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple, assert_never

from django.db import transaction
from django.db.models import BigIntegerField, F, FloatField, Subquery
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts import sessions, slots, strategy
from accounts.blocking import heal
from accounts.models import CALLING, Account, AccountQuerySet
from accounts.outcomes import Need
from accounts.sessions import Home
from accounts.statements import NOW, Blank, Read, Update
from accounts.strategy import Strategy
from kiro2api.encryption import SecretUnreadable

logger = logging.getLogger(__name__)

# Somebody else was quicker each time: then the request waits as others do.
LOOKS_MOST = 20

# So far behind the busiest may an account be that gets a turn.
BEHIND = {Strategy.LEAST_USED: 1.0, Strategy.ROUND_ROBIN: 0.0}

# Statements for so many different looks are kept.
REMEMBERED_MOST = 256

Preference = Literal["home", "fresh", "warm", "any"]


@dataclass(slots=True)
class Wish:
    """What one request looks for, and what it has learned while looking."""

    need: Need
    passed_over: set[int]
    """Accounts that have failed it."""
    unreadable: set[int] = field(default_factory=set)
    """Accounts whose token cannot be decrypted."""
    prefer_fresh: bool = False
    """Renewing a token has failed: accounts that need none come first."""


@dataclass(frozen=True, slots=True)
class Choice:
    account: Account
    """With the secrets that a call needs."""
    slot: int | None


class _Look(NamedTuple):
    """What it is that makes the statements of one choice others than of the next."""

    order: Strategy
    group: str
    model: str
    passed_over: frozenset[int]

    def able(self, now: datetime) -> AccountQuerySet:
        need = Need(model=self.model, group=self.group)
        rows = Account.objects.usable(now).serving(need)
        return rows.exclude(pk__in=self.passed_over)


def choose(wish: Wish) -> Choice | None:
    """None: no account serves the need, or none of them has room."""
    order, need = strategy.current(), wish.need
    session = "" if order == Strategy.SEQUENTIAL else need.session
    home = sessions.home_of(session) if session else None
    look = _Look(order, need.group, need.model, frozenset(wish.passed_over))
    for _ in range(LOOKS_MOST):
        account = _first(look, home, wish)
        if account is None:
            return None
        if choice := _take(account, look, home):
            if account.blocked_reason:
                heal(account)
            if session and not _is_guest(account, look, home):
                sessions.settle(session, account.pk, home)
            return choice
    return None


def _first(look: _Look, home: Home | None, wish: Wish) -> Account | None:
    for preference in _preferences(look.order, home, wish.prefer_fresh):
        if account := _first_readable(look, preference, home, wish.unreadable):
            return account
    return None


def _preferences(
    order: Strategy, home: Home | None, prefer_fresh: bool
) -> Iterator[Preference]:
    if home:
        yield "home"
    if prefer_fresh:
        yield "fresh"
    if order != Strategy.SEQUENTIAL:
        yield "warm"
    yield "any"


def _first_readable(
    look: _Look, preference: Preference, home: Home | None, unreadable: set[int]
) -> Account | None:
    now, at_home = timezone.now(), home.account_id if home else None
    while True:
        left = frozenset(unreadable)
        try:
            return _read(look, preference, left).first(now=now, home=at_home)
        except SecretUnreadable as error:
            rows = _preferred(look, preference, left, now, at_home)
            pk, name = rows.values_list("pk", "name")[0]
            logger.error("account %s passed over: %s", name, error)
            unreadable.add(pk)


@lru_cache(REMEMBERED_MOST)
def _read(look: _Look, preference: Preference, unreadable: frozenset[int]) -> Read:
    home = Blank("home", BigIntegerField())
    rows = _preferred(look, preference, unreadable, NOW, home)
    return Read(rows.with_secrets(*CALLING))


def _preferred(
    look: _Look,
    preference: Preference,
    unreadable: frozenset[int],
    now: datetime,
    home: Any,
) -> AccountQuerySet:
    """`home` is an account's id, or the Blank for one."""
    rows = look.able(now).with_room(now).exclude(pk__in=unreadable)
    in_order = look.order == Strategy.SEQUENTIAL
    rows = rows.in_order() if in_order else rows.by_share()
    match preference:
        case "home":
            return rows.filter(pk=home)
        case "fresh":
            return rows.fresh(now)
        case "warm":
            return rows.warm(now)
        case "any":
            return rows
        case _:
            assert_never(preference)


def _take(account: Account, look: _Look, home: Home | None) -> Choice | None:
    """None: somebody else has had this turn, or the last slot."""
    at_home = home is not None and home.account_id == account.pk
    if not account.limited:
        taken = _take_turn(account, look, at_home)
        return Choice(account, slot=None) if taken else None
    with transaction.atomic():
        slot = slots.take(account.pk)
        if slot is not None and _take_turn(account, look, at_home):
            return Choice(account, slot)
        transaction.set_rollback(True)
        return None


def _take_turn(account: Account, look: _Look, at_home: bool) -> bool:
    if look.order == Strategy.SEQUENTIAL:
        return True
    turn = _turn(look, at_home)
    return turn.run(pk=account.pk, share=account.share, now=timezone.now()) > 0


@lru_cache(REMEMBERED_MOST)
def _turn(look: _Look, at_home: bool) -> Update:
    rows = Account.objects.filter(pk=Blank("pk", BigIntegerField()))
    if not at_home:  # where a session belongs, any turn will do
        rows = rows.filter(share=Blank("share", FloatField()))
    others = look.able(NOW)
    if look.order == Strategy.ROUND_ROBIN:
        others = Account.objects.filter(enabled=True)
    busiest = Subquery(others.order_by("-share").values("share")[:1])
    level = Greatest(F("share"), busiest - BEHIND[look.order])
    return Update(rows, share=level + 1.0, chosen_at=NOW)


def _is_guest(account: Account, look: _Look, home: Home | None) -> bool:
    """Whether the session only has no room at home just now."""
    if home is None or home.account_id == account.pk:
        return False
    able = look.able(timezone.now())
    return sessions.met_lately(home) and able.filter(pk=home.account_id).exists()
