"""Drives any running simulator over its control surface; blocking, stdlib only."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

Json = dict[str, Any]

POLL_SECONDS = 0.01
GENERATE = "GenerateAssistantResponse"


class ControlRefused(Exception):
    """The simulator does not take what a control call says."""


class Control:
    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        # Loopback only: a proxy from the environment has no say.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    # All of it

    def reset(self) -> None:
        """As at its start: accounts, settings, counters; held answers go on."""
        self._call("POST", "reset")

    def settings(self, **changes: Any) -> None:
        """rest_host ("legacy", "kiro"), application (text or None), pace."""
        self._call("PATCH", "settings", changes)

    def state(self) -> Json:
        """calls by operation, active_streams, waiting by gate, queued, settings."""
        state: Json = self._call("GET", "state")
        return state

    def calls(self, operation: str = GENERATE) -> int:
        count: int = self.state()["calls"].get(operation, 0)
        return count

    def active_streams(self) -> int:
        count: int = self.state()["active_streams"]
        return count

    # Accounts

    def accounts(self) -> list[Json]:
        accounts: list[Json] = self._call("GET", "accounts")
        return accounts

    def set_accounts(self, accounts: Sequence[Mapping[str, Any]]) -> None:
        """These and no others, with new tokens; descriptions as in accounts.py."""
        self._call("PUT", "accounts", list(accounts))

    def account(self, name: str) -> Json:
        """Its description as it stands, and: access_token (the latest), generations
        of both tokens, refresh_alive, refreshes, refresh_attempts, metered_requests,
        credits_metered, credits_left."""
        account: Json = self._call("GET", f"accounts/{quote(name)}")
        return account

    def update_account(self, name: str, /, **changes: Any) -> Json:
        account: Json = self._call("PATCH", f"accounts/{quote(name)}", changes)
        return account

    def issue_access_token(self, name: str) -> str:
        """A good bearer without a refresh."""
        token: str = self._call("POST", f"accounts/{quote(name)}/access_token")
        return token

    def expire_access_token(self, name: str) -> None:
        """All access tokens of the account expire now."""
        self._call("DELETE", f"accounts/{quote(name)}/access_token")

    def kill_refresh_token(self, name: str) -> None:
        """From now on invalid_grant."""
        self._call("DELETE", f"accounts/{quote(name)}/refresh_token")

    # Answers

    def enqueue(
        self,
        *replies: str | Mapping[str, Any],
        account: str | None = None,
        operation: str = GENERATE,
    ) -> None:
        """Replies (simulator.scripts) for the next calls that pass the checks."""
        body = {"replies": replies, "account": account, "operation": operation}
        self._call("POST", "replies", body)

    def open_gate(self, name: str) -> None:
        """Lets go who waits at it, now and later."""
        self._call("POST", f"gates/{quote(name)}")

    # Sign-in

    def approve_device(self, user_code: str, account: str) -> None:
        self._call("PUT", f"devices/{quote(user_code)}", {"account": account})

    def deny_device(self, user_code: str) -> None:
        self._call("PUT", f"devices/{quote(user_code)}", {"account": None})

    def sign_in_as(self, account: str) -> None:
        """Whose account the next browser sign-ins are."""
        self._call("PUT", "signin", {"account": account})

    # What was asked

    def requests(
        self, operation: str | None = None, account: str | None = None
    ) -> list[Json]:
        """Calls in order. Members: number, operation, style, method, path, query,
        target, headers, bearer and body (tokens as labels), size, account, status,
        refused_by and breach (rule and path), unknown_members, credits, started and
        ended (epoch seconds), state ("running", "complete", "cut", "client_gone")."""
        wanted = {"operation": operation, "account": account}
        query = urlencode({name: value for name, value in wanted.items() if value})
        requests: list[Json] = self._call("GET", f"requests?{query}")
        return requests

    def broken_rules(self) -> list[str]:
        """The rules that calls were refused by, in order."""
        refusals = (request["refused_by"] for request in self.requests())
        return [rule for rule in refusals if rule is not None]

    def unknown_members(self) -> list[str]:
        """Paths of members that no model of the service has, in all calls."""
        found = (path for call in self.requests() for path in call["unknown_members"])
        return sorted(set(found))

    # Waiting

    def wait_for(self, reached: Callable[[Json], bool], timeout: float = 10.0) -> Json:
        """The first state that fulfils the condition."""
        deadline = time.monotonic() + timeout
        while True:
            state = self.state()
            if reached(state):
                return state
            if time.monotonic() > deadline:
                raise TimeoutError(f"never reached; the last state was {state}")
            time.sleep(POLL_SECONDS)

    def wait_for_calls(
        self, count: int, operation: str = GENERATE, timeout: float = 10.0
    ) -> None:
        self.wait_for(lambda state: state["calls"].get(operation, 0) >= count, timeout)

    def wait_for_streams(self, count: int, timeout: float = 10.0) -> None:
        """Until exactly so many answers are being streamed."""
        self.wait_for(lambda state: state["active_streams"] == count, timeout)

    def wait_for_gate(self, name: str, count: int = 1, timeout: float = 10.0) -> None:
        """Until so many answers wait at the gate."""
        self.wait_for(lambda state: state["waiting"].get(name, 0) >= count, timeout)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/__control/{path}",
            data=data,
            method=method,
            headers={"Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise ControlRefused(refusal.read().decode()) from None
