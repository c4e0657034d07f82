"""What befalls the accounts: trouble that comes, and goes again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from threading import Event, Lock
from typing import Any

import psycopg

from simulator.control import Control
from tests.chaos.load import Load

AT_ONCE = 4
"""So many accounts are in trouble at most, and never more than half of those that it
may touch: others could always serve."""
REQUESTS_PER_STEP = 6
LASTS_STEPS = (2, 8)

EXPIRED = "access_expires_at = now()"
WORN_OUT = "refreshed_at = now() - interval '1 hour'"


@dataclass(frozen=True, slots=True)
class Trouble:
    upstream: Mapping[str, Any] = field(default_factory=dict)
    """Members of the account there."""
    row: str = ""
    """What else is so in our database."""
    taken_back: bool = False
    """Upstream takes its access tokens back."""
    blocks: frozenset[str] = frozenset()
    """What the account may then be blocked as."""


def _throttle(fault: str, *blocks: str) -> Trouble:
    return Trouble({"throttle": fault}, blocks=frozenset(blocks))


def _refresh(fault: str, block: str) -> Trouble:
    return Trouble({"refresh_fault": fault}, EXPIRED, blocks=frozenset({block}))


TROUBLES: dict[str, Trouble] = {
    "throttled": _throttle("user_rate", "throttled"),
    "suspicious": _throttle("suspicious_activity", "throttled"),
    "out for today": _throttle("daily_limit", "quota"),
    "failing": _throttle("internal"),
    "behind a broken edge": _throttle("bad_gateway"),
    "cut off": _throttle("network"),
    "dry": Trouble({"credits_used": 1000.0}, blocks=frozenset({"quota"})),
    "suspended": Trouble({"state": "suspended"}, blocks=frozenset({"suspended"})),
    "unauthorized": Trouble({"state": "unauthorized"}, blocks=frozenset({"profile"})),
    "expired": Trouble(row=EXPIRED),
    # A token that was renewed meanwhile counts as new, and its refusal as strange.
    "taken back": Trouble(row=WORN_OUT, taken_back=True, blocks=frozenset({"token"})),
    "sign-in away": _refresh("server_error", "sign_in_away"),
    "sign-in slow": _refresh("throttled", "sign_in_away"),
    "login dead": _refresh("invalid_grant", "rejected"),
}
FINE = {"throttle": None, "refresh_fault": None, "credits_used": 0.0, "state": "ok"}
# Time passes, and people do their part.
HEALED = (
    "UPDATE accounts_account SET blocked_reason = '', blocked_since = NULL,"
    " blocked_until = NULL, refusals = 0 WHERE name = %s AND blocked_reason <> ''"
)


@dataclass
class Weather:
    upstream: Control
    database: psycopg.Connection[Any]
    names: Sequence[str]
    """Of the accounts that it may touch."""
    random: Random
    befallen: list[tuple[str, str]] = field(default_factory=list)
    """Account and trouble, in order."""
    unexplained: list[str] = field(default_factory=list)
    """Blocks that no trouble of the account explains."""
    over: Event = field(default_factory=Event)
    _turn: Lock = field(default_factory=Lock)
    _lasting: dict[str, int] = field(default_factory=dict)
    _explained: dict[str, list[frozenset[str]]] = field(default_factory=dict)
    _deck: list[str] = field(default_factory=list)

    def blow(self, load: Load) -> None:
        """Until it is over; by the requests that end meanwhile, not by the clock."""
        while not self.over.is_set():
            load.wait_for_more(REQUESTS_PER_STEP)
            with self._turn:
                self._step()

    def clear_up(self) -> None:
        for name in self.names:
            self._lasting.pop(name, None)
            self.upstream.update_account(name, **FINE)
            self._heal(name)

    def leave(self, names: Collection[str]) -> None:
        """From now on nothing befalls these, and nothing heals them."""
        with self._turn:
            for name in names:
                self._lasting.pop(name, None)
                self.upstream.update_account(name, **FINE)
                self._heal(name)
            self.names = [name for name in self.names if name not in names]

    def _step(self) -> None:
        for name in list(self._lasting):
            self._lasting[name] -= 1
            if self._lasting[name] <= 0:
                self._end(name)
        for name in self.names:
            if name not in self._lasting:
                self._heal(name)
        calm = [name for name in self.names if name not in self._lasting]
        if len(self._lasting) < min(AT_ONCE, len(self.names) // 2):
            self._begin(self.random.choice(calm))

    def _begin(self, name: str) -> None:
        if not self._deck:
            self._deck = self.random.sample(list(TROUBLES), len(TROUBLES))
        kind = self._deck.pop()
        trouble = TROUBLES[kind]
        self.befallen.append((name, kind))
        self._lasting[name] = self.random.randint(*LASTS_STEPS)
        # A call may have begun in the trouble before.
        self._explained[name] = [*self._explained.get(name, [])[-1:], trouble.blocks]
        if trouble.upstream:
            self.upstream.update_account(name, **trouble.upstream)
        if trouble.row:
            self.database.execute(
                f"UPDATE accounts_account SET {trouble.row} WHERE name = %s", [name]
            )
        if trouble.taken_back:
            self.upstream.expire_access_token(name)

    def _end(self, name: str) -> None:
        del self._lasting[name]
        self.upstream.update_account(name, **FINE)
        self._heal(name)

    def _heal(self, name: str) -> None:
        """Also of what calls that were under way have brought afterwards."""
        ((reason,),) = self.database.execute(
            "SELECT blocked_reason FROM accounts_account WHERE name = %s", [name]
        ).fetchall()
        explained = frozenset().union(*self._explained.get(name, []))
        if reason and reason not in explained:
            self.unexplained.append(f"{name} is blocked as {reason}")
        self.database.execute(HEALED, [name])
