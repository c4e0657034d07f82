"""All accounts with the tokens given out for them; who bears which token."""

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.accounts import Account, UnknownMember
from simulator.quota import credits_left, spend
from simulator.recent import Recent


class NoSuchAccount(LookupError):
    pass


@dataclass(slots=True)
class Standing:
    """An account and what has happened to it."""

    account: Account
    access_token: str | None = None
    access_generation: int = 0
    refresh_generation: int = 1
    refresh_alive: bool = True
    refreshes: int = 0
    refresh_attempts: int = 0
    metered_requests: int = 0
    credits_metered: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return self.account.to_json() | {
            "access_token": self.access_token,
            "access_generation": self.access_generation,
            "refresh_generation": self.refresh_generation,
            "refresh_alive": self.refresh_alive,
            "refreshes": self.refreshes,
            "refresh_attempts": self.refresh_attempts,
            "metered_requests": self.metered_requests,
            "credits_metered": self.credits_metered,
            "credits_left": credits_left(self.account),
        }

    def meter(self, credits: float, first: bool) -> None:
        """`first`: of the request's metering events."""
        self.metered_requests += first
        self.credits_metered += credits
        spend(self.account, credits)


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that was given out, in its generation, dead or alive."""

    standing: Standing
    label: str
    expires: float = float("inf")


class Directory:
    def __init__(self, descriptions: Iterable[Mapping[str, Any]]) -> None:
        self._standings: dict[str, Standing] = {}
        self._access: Recent[str, Grant] = Recent()
        self._refresh: Recent[str, Grant] = Recent()
        for description in descriptions:
            self.add(Account.from_json(description))

    def __iter__(self) -> Iterator[Standing]:
        return iter(self._standings.values())

    def add(self, account: Account) -> Standing:
        standing = Standing(account)
        self._standings[account.name] = standing
        self._know_refresh_token(standing)
        return standing

    def named(self, name: str) -> Standing:
        try:
            return self._standings[name]
        except KeyError:
            raise NoSuchAccount(name) from None

    def update(self, name: str, changes: Mapping[str, Any]) -> Standing:
        standing = self.named(name)
        if changes.get("name", name) != name:
            raise UnknownMember("an account keeps its name")
        standing.account.update(changes)
        if "refresh_token" in changes:
            standing.refresh_generation += 1
            standing.refresh_alive = True
            self._know_refresh_token(standing)
        return standing

    def bearer(self, token: str) -> Standing | None:
        """Whose living access token, or API key, this is."""
        grant = self._access.get(token)
        if grant is not None:
            return grant.standing if grant.expires > time.time() else None
        for standing in self._standings.values():
            if standing.account.kind == "api_key" and standing.account.api_key == token:
                return standing
        return None

    def refresher(self, token: str) -> tuple[Standing, bool] | None:
        """Whose refresh token this is or was, and whether it is still good."""
        grant = self._refresh.get(token)
        if grant is None:
            return None
        standing = grant.standing
        current = token == standing.account.refresh_token and standing.refresh_alive
        return standing, current

    def issue(self, standing: Standing) -> str:
        """A new access token; those before it live on until they expire."""
        account = standing.account
        standing.access_generation += 1
        token = f"aoaSimulated{secrets.token_urlsafe(96)}"
        standing.access_token = token
        self._access[token] = Grant(
            standing,
            f"{account.name} access {standing.access_generation}",
            time.time() + account.token_seconds,
        )
        return token

    def rotate(self, standing: Standing) -> str:
        """A new refresh token; the one before is dead from now on."""
        standing.account.refresh_token = f"aorSimulated{secrets.token_urlsafe(96)}"
        standing.refresh_generation += 1
        standing.refresh_alive = True
        self._know_refresh_token(standing)
        return standing.account.refresh_token

    def expire_access(self, name: str) -> None:
        standing = self.named(name)
        for token, grant in self._access.items():
            if grant.standing is standing:
                self._access[token] = Grant(standing, grant.label, expires=0)

    def kill_refresh(self, name: str) -> None:
        self.named(name).refresh_alive = False

    def label(self, token: str) -> str:
        """What stands in captures in place of a token."""
        grant = self._access.get(token) or self._refresh.get(token)
        if grant is not None:
            return grant.label
        standing = self.bearer(token)
        return f"{standing.account.name} key" if standing else "unknown"

    def _know_refresh_token(self, standing: Standing) -> None:
        account = standing.account
        if account.kind != "api_key":
            self._refresh[account.refresh_token] = Grant(
                standing, f"{account.name} refresh {standing.refresh_generation}"
            )
