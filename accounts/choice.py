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

from django.db import transaction
from django.db.models import F, Subquery
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts import sessions, slots, strategy
from accounts.blocking import heal
from accounts.models import CALLING, Account, AccountQuerySet
from accounts.outcomes import Need
from accounts.sessions import Home
from accounts.strategy import Strategy
from kiro2api.encryption import SecretUnreadable

logger = logging.getLogger(__name__)

# Somebody else was quicker each time: then the request waits as others do.
LOOKS_MOST = 20

# So far behind the busiest may an account be that gets a turn.
BEHIND = {Strategy.LEAST_USED: 1.0, Strategy.ROUND_ROBIN: 0.0}


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


def choose(wish: Wish) -> Choice | None:
    """None: no account serves the need, or none of them has room."""
    order = strategy.current()
    session = "" if order == Strategy.SEQUENTIAL else wish.need.session
    home = sessions.home_of(session) if session else None
    for _ in range(LOOKS_MOST):
        now = timezone.now()
        able = Account.objects.usable(now).serving(wish.need)
        able = able.exclude(pk__in=wish.passed_over)
        account = _first(able.with_room(now), order, home, wish, now)
        if account is None:
            return None
        if choice := _take(account, order, able, home):
            if account.blocked_reason:
                heal(account)
            if session and not _is_guest(account, home, able):
                sessions.settle(session, account.pk, home)
            return choice
    return None


def _first(
    rows: AccountQuerySet,
    order: Strategy,
    home: Home | None,
    wish: Wish,
    now: datetime,
) -> Account | None:
    for preferred in _preferences(rows, order, home, wish.prefer_fresh, now):
        if account := _first_readable(preferred, wish.unreadable):
            return account
    return None


def _preferences(
    rows: AccountQuerySet,
    order: Strategy,
    home: Home | None,
    prefer_fresh: bool,
    now: datetime,
) -> Iterator[AccountQuerySet]:
    if home:
        yield rows.filter(pk=home.account_id)
    ordered = rows.in_order() if order == Strategy.SEQUENTIAL else rows.by_share()
    if prefer_fresh:
        yield ordered.fresh(now)
    if order != Strategy.SEQUENTIAL:
        yield ordered.warm(now)
    yield ordered


def _first_readable(rows: AccountQuerySet, unreadable: set[int]) -> Account | None:
    while True:
        left = rows.exclude(pk__in=unreadable)
        try:
            return left.with_secrets(*CALLING).first()
        except SecretUnreadable as error:
            pk, name = left.values_list("pk", "name")[0]
            logger.error("account %s passed over: %s", name, error)
            unreadable.add(pk)


def _take(
    account: Account, order: Strategy, able: AccountQuerySet, home: Home | None
) -> Choice | None:
    """None: somebody else has had this turn, or the last slot."""
    at_home = home is not None and home.account_id == account.pk
    if not account.limited:
        taken = _take_turn(account, order, able, at_home)
        return Choice(account, slot=None) if taken else None
    with transaction.atomic():
        slot = slots.take(account.pk)
        if slot is not None and _take_turn(account, order, able, at_home):
            return Choice(account, slot)
        transaction.set_rollback(True)
        return None


def _take_turn(
    account: Account, order: Strategy, able: AccountQuerySet, at_home: bool
) -> bool:
    if order == Strategy.SEQUENTIAL:
        return True
    rows = Account.objects.filter(pk=account.pk)
    if not at_home:  # where a session belongs, any turn will do
        rows = rows.filter(share=account.share)
    others = able
    if order == Strategy.ROUND_ROBIN:
        others = Account.objects.filter(enabled=True)
    busiest = Subquery(others.order_by("-share").values("share")[:1])
    level = Greatest(F("share"), busiest - BEHIND[order])
    return bool(rows.update(share=level + 1.0, chosen_at=timezone.now()))


def _is_guest(account: Account, home: Home | None, able: AccountQuerySet) -> bool:
    """Whether the session only has no room at home just now."""
    if home is None or home.account_id == account.pk:
        return False
    return sessions.met_lately(home) and able.filter(pk=home.account_id).exists()
