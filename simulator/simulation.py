"""All that the simulator holds in memory, and what its controls change.

Everything here is touched by one event loop only.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from aiohttp import web

from simulator.accounts import UnknownMember
from simulator.captures import Captures
from simulator.directory import Directory
from simulator.recent import Recent
from simulator.replies import Reply
from simulator.signins import SignIns

RestHost = Literal["legacy", "kiro"]


@dataclass(slots=True)
class Settings:
    rest_host: RestHost = "legacy"
    """Which generation answers on the REST paths: one address hides the host's name."""
    application: str | None = None
    """When set, the user agent has to contain it (403 wrong_application else)."""
    pace: float = 0.0
    """Seconds between frames, where neither the reply nor the account says."""

    def update(self, changes: Mapping[str, Any]) -> None:
        unknown = changes.keys() - {member.name for member in fields(self)}
        if unknown:
            raise UnknownMember(f"unknown settings: {', '.join(sorted(unknown))}")
        if changes.get("rest_host", "legacy") not in get_args(RestHost):
            raise UnknownMember(f"rest_host: {changes['rest_host']!r}")
        for name, value in changes.items():
            setattr(self, name, value)


class Gates:
    """Named points at which an answer waits until a test lets it go on."""

    def __init__(self) -> None:
        self._events: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.waiting: Counter[str] = Counter()

    async def wait(self, name: str) -> None:
        self.waiting[name] += 1
        try:
            await self._events[name].wait()
        finally:
            self.waiting[name] -= 1

    def open(self, name: str) -> None:
        """It stays open."""
        self._events[name].set()

    def open_all(self) -> None:
        for event in self._events.values():
            event.set()


@dataclass(frozen=True, slots=True)
class Queued:
    reply: Reply
    operation: str
    account: str | None


@dataclass(slots=True)
class Simulation:
    descriptions: Sequence[Mapping[str, Any]]
    first_settings: Settings = field(default_factory=Settings)
    directory: Directory = field(init=False)
    settings: Settings = field(init=False)
    captures: Captures = field(init=False)
    gates: Gates = field(init=False)
    queue: deque[Queued] = field(init=False)
    signins: SignIns = field(init=False)
    signatures: Recent[str, None] = field(init=False)
    """Signatures and redacted pieces of reasoning that were handed out."""

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.directory = Directory(self.descriptions)
        self.settings = Settings(**asdict(self.first_settings))
        self.captures = Captures()
        self.gates = Gates()
        self.queue = deque()
        self.signins = SignIns()
        self.signatures = Recent()

    def reset(self) -> None:
        """As at the start; answers that wait at a gate go on."""
        gates = self.gates
        self._begin()
        gates.open_all()

    def next_reply(self, operation: str, account: str) -> Reply | None:
        """The oldest queued reply for this operation and account, taken."""
        for queued in self.queue:
            if queued.operation == operation and queued.account in (None, account):
                self.queue.remove(queued)
                return queued.reply
        return None

    def state(self) -> dict[str, Any]:
        return {
            "calls": dict(self.captures.counts),
            "active_streams": len(self.captures.streams),
            "waiting": {
                gate: count for gate, count in self.gates.waiting.items() if count
            },
            "queued": len(self.queue),
            "settings": asdict(self.settings),
        }


SIMULATION = web.AppKey("simulation", Simulation)
