"""Pure: what people are told of, when it begins and when it is over.

A trouble is told when it begins, once, for as long as it lasts. Of two that begin
together on the same matter only the graver is told. A trouble of a key lasts as long
as the period of its quota; the other ones have an end that can be told, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "account_lost", "pool_low", "pool_empty", "key_nearly_used", "key_used_up"
]
Event: TypeAlias = Kind | Literal["account_back", "pool_back", "test"]
Trouble: TypeAlias = tuple[Kind, str]
"""And whose it is: the id of an account, the quota of a key, or the pool's: ""."""

POOL = ""
NEARLY = Decimal("0.8")
# A pool that was low is well again when it has so many times the credits it needs.
# Else each reading of the figures could take it to and fro.
WELL_AGAIN = 1.1

GRAVER: dict[Kind, Kind] = {
    "pool_low": "pool_empty",
    "key_nearly_used": "key_used_up",
}


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account that is switched on."""

    id: int
    name: str
    lost: str
    """Why it waits for a person; empty: it does not."""
    usable: bool
    credits: float | None
    """That it may still spend; None: not known."""


@dataclass(frozen=True, slots=True)
class QuotaState:
    """One quota of a client key, in its present period."""

    key_id: int
    key: str
    limit: str
    period: str
    used: Decimal
    requests: int
    quota: Decimal

    @property
    def subject(self) -> str:
        return f"{self.key_id}:{self.limit}:{self.period}:{self.quota.normalize():f}"

    @property
    def nearly_used(self) -> bool:
        return self.used >= NEARLY * self.quota

    @property
    def used_up(self) -> bool:
        """But for less than the usual request of this key, which is refused."""
        usual = self.used / self.requests if self.requests else Decimal(0)
        return self.used + usual > self.quota or self.used >= self.quota


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to be told."""

    kinds: frozenset[Kind]
    ends: bool
    least_accounts: int | None
    least_credits: float | None


@dataclass(frozen=True, slots=True)
class News:
    """What has happened; plain values, which a message keeps until it is sent."""

    event: Event
    account: str = ""
    account_id: int | None = None
    reason: str = ""
    key: str = ""
    key_id: int | None = None
    limit: str = ""
    used: str = ""
    quota: str = ""
    usable: int = 0
    total: int = 0
    credits: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Between what was told and what is."""

    begun: list[Trouble]
    over: list[Trouble]
    news: list[News]


def compare(
    accounts: Sequence[AccountState],
    quotas: Sequence[QuotaState],
    wanted: Wanted,
    told: Collection[Trouble],
) -> Change:
    """`told` are the troubles that somebody knows of."""
    standing = _of_accounts(accounts) | _of_pool(accounts, wanted, told)
    standing |= _of_keys(quotas, told)
    standing = {at: news for at, news in standing.items() if at[0] in wanted.kinds}
    begun = [trouble for trouble in standing if trouble not in told]
    over = [trouble for trouble in told if trouble not in standing]
    news = [standing[trouble] for trouble in _gravest(begun)]
    if wanted.ends:
        ended = [trouble for trouble in _gravest(over) if trouble[0] in wanted.kinds]
        news += [end for trouble in ended if (end := _end(trouble, accounts))]
    return Change(begun, over, news)


def _of_accounts(accounts: Sequence[AccountState]) -> dict[Trouble, News]:
    return {
        ("account_lost", str(account.id)): _of_account(
            "account_lost", account, accounts
        )
        for account in accounts
        if account.lost
    }


def _of_pool(
    accounts: Sequence[AccountState], wanted: Wanted, told: Collection[Trouble]
) -> dict[Trouble, News]:
    found: dict[Trouble, News] = {}
    pool = _pool_news("pool_low", accounts)
    enough = wanted.least_credits or 0.0
    if ("pool_low", POOL) in told:
        enough *= WELL_AGAIN
    few = wanted.least_accounts is not None and pool.usable < wanted.least_accounts
    if few or (pool.credits is not None and pool.credits < enough):
        found["pool_low", POOL] = pool
    if pool.usable == 0:
        found["pool_empty", POOL] = _pool_news("pool_empty", accounts)
    return found


def _of_keys(
    quotas: Iterable[QuotaState], told: Collection[Trouble]
) -> dict[Trouble, News]:
    found: dict[Trouble, News] = {}
    for quota in quotas:
        nearly: Trouble = ("key_nearly_used", quota.subject)
        wholly: Trouble = ("key_used_up", quota.subject)
        if quota.nearly_used or nearly in told:
            found[nearly] = _quota_news("key_nearly_used", quota)
        if quota.used_up or wholly in told:
            found[wholly] = _quota_news("key_used_up", quota)
    return found


def _gravest(troubles: Collection[Trouble]) -> list[Trouble]:
    return [
        (kind, subject)
        for kind, subject in troubles
        if (GRAVER.get(kind), subject) not in troubles
    ]


def _end(trouble: Trouble, accounts: Sequence[AccountState]) -> News | None:
    """None: there is nothing good to tell of it."""
    kind, subject = trouble
    if kind in ("pool_low", "pool_empty"):
        return _pool_news("pool_back", accounts)
    if kind == "account_lost":
        for account in accounts:
            if str(account.id) == subject:
                return _of_account("account_back", account, accounts)
    return None


def _of_account(
    event: Event, account: AccountState, accounts: Sequence[AccountState]
) -> News:
    return News(
        event,
        account=account.name,
        account_id=account.id,
        reason=account.lost,
        usable=sum(each.usable for each in accounts),
        total=len(accounts),
    )


def _pool_news(event: Event, accounts: Sequence[AccountState]) -> News:
    """Credits are known only where every usable account's are."""
    usable = [account for account in accounts if account.usable]
    known = [each.credits for each in usable if each.credits is not None]
    return News(
        event,
        usable=len(usable),
        total=len(accounts),
        credits=sum(known) if len(known) == len(usable) else None,
    )


def _quota_news(event: Event, quota: QuotaState) -> News:
    return News(
        event,
        key=quota.key,
        key_id=quota.key_id,
        limit=quota.limit,
        used=_figure(quota.used),
        quota=_figure(quota.quota),
    )


def _figure(amount: Decimal) -> str:
    whole = amount == amount.to_integral_value()
    return f"{amount:,.0f}" if whole else f"{amount:,.2f}"
