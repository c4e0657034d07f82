"""What the simulator was asked, kept within bounds.

The oldest calls are forgotten first: beyond MOST_CALLS, or when the bodies together
pass MOST_BYTES. Tokens and client secrets are shown as labels.
"""

import json
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

from simulator.faults import Style

MOST_CALLS = 5_000
MOST_BYTES = 128 * 1024 * 1024

SECRET_MEMBERS = frozenset(
    [
        "refreshToken",
        "refresh_token",
        "accessToken",
        "clientSecret",
        "client_secret",
        "code",
        "codeVerifier",
        "code_verifier",
        "deviceCode",
    ]
)
SECRET_HEADERS = frozenset({"authorization", "cookie"})

CallState = Literal["running", "complete", "cut", "client_gone"]
Label = Callable[[str], str]


@dataclass(slots=True, eq=False)
class Call:
    number: int
    operation: str
    style: Style
    method: str
    path: str
    query: Mapping[str, str]
    target: str | None
    headers: Mapping[str, str]
    bearer: str | None
    body: bytes
    account: str | None = None
    status: int | None = None
    refused_by: str | None = None
    breach: str | None = None
    unknown_members: list[str] = field(default_factory=list)
    credits: list[float] = field(default_factory=list)
    state: CallState = "running"
    started: float = field(default_factory=time.time)
    ended: float | None = None

    def end(self, state: CallState) -> None:
        """The first end counts: a cut connection also looks like a client gone."""
        if self.state == "running":
            self.state = state
            self.ended = time.time()

    def to_json(self, label: Label) -> dict[str, Any]:
        return {
            "number": self.number,
            "operation": self.operation,
            "style": self.style,
            "method": self.method,
            "path": self.path,
            "query": dict(self.query),
            "target": self.target,
            "headers": dict(self.headers),
            "bearer": self.bearer and label(self.bearer),
            "account": self.account,
            "body": _hide_secrets(_read_body(self), label),
            "size": len(self.body),
            "status": self.status,
            "refused_by": self.refused_by,
            "breach": self.breach,
            "unknown_members": self.unknown_members,
            "credits": self.credits,
            "state": self.state,
            "started": self.started,
            "ended": self.ended,
        }


class Captures:
    def __init__(self) -> None:
        self.calls: deque[Call] = deque()
        self.counts: Counter[str] = Counter()
        self.streams: set[Call] = set()
        self._bytes = 0

    def next_number(self) -> int:
        return self.counts.total() + 1

    def keep(self, call: Call) -> None:
        self.counts[call.operation] += 1
        self.calls.append(call)
        self._bytes += len(call.body)
        while len(self.calls) > MOST_CALLS or self._bytes > MOST_BYTES:
            self._bytes -= len(self.calls.popleft().body)


def _read_body(call: Call) -> Any:
    if call.headers.get("content-type", "").startswith(
        "application/x-www-form-urlencoded"
    ):
        return dict(parse_qsl(call.body.decode(errors="replace")))
    try:
        return json.loads(call.body)
    except (ValueError, RecursionError):
        return call.body.decode(errors="replace")


def _hide_secrets(value: Any, label: Label) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        name: label(child)
        if name in SECRET_MEMBERS and isinstance(child, str)
        else child
        for name, child in value.items()
    }
