"""The order in which accounts are used, as people change it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.db import transaction

from accounts.models import Account, AccountQuerySet
from accounts.signals import announce

logger = logging.getLogger(__name__)


def arrange(ids: Sequence[int]) -> int:
    """Put these in this order, into the places that they have among all accounts:
    they may be a page of the list, or what a filter left of it. How many moved."""
    wanted = list(dict.fromkeys(ids))
    with transaction.atomic():
        there = _ids(Account.objects.in_order())
        known, moving = set(there), set(wanted)
        following = iter([pk for pk in wanted if pk in known])
        return _number([next(following) if pk in moving else pk for pk in there])


def to_front(rows: AccountQuerySet) -> int:
    return _to_an_end(rows, front=True)


def to_end(rows: AccountQuerySet) -> int:
    return _to_an_end(rows, front=False)


def _to_an_end(rows: AccountQuerySet, *, front: bool) -> int:
    with transaction.atomic():
        moving = _ids(rows.in_order())
        others = _ids(Account.objects.exclude(pk__in=moving).in_order())
        return _number([*moving, *others] if front else [*others, *moving])


def _ids(rows: AccountQuerySet) -> list[int]:
    return list(rows.values_list("pk", flat=True))


def _number(order: Sequence[int]) -> int:
    """Positions from 0 on; only rows that move are written."""
    positions = dict(Account.objects.values_list("pk", "position"))
    moved = [
        Account(pk=pk, position=place)
        for place, pk in enumerate(order)
        if positions.get(pk, place) != place
    ]
    Account.objects.bulk_update(moved, ["position"], batch_size=500)
    if moved:
        logger.info("the order of accounts was changed by a person")
        announce()
    return len(moved)
