"""Clients that ask one thing after the other, of whichever process they may."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from random import Random
from threading import Condition, Event, Thread

import httpx

from tests.calls import MODEL, Json, user
from tests.processes import KEY, SECONDS, Gateway

CLIENTS = 12


@dataclass(frozen=True, slots=True)
class Asked:
    """One request and what came of it."""

    text: str
    path: str
    streamed: bool
    port: int
    begun: float
    ended: float
    trouble: str
    """Empty: the right answer came, whole."""
    broke: bool = False
    """The connection did, or there was none."""


@dataclass
class Load:
    seed: int
    finished: list[Asked] = field(default_factory=list)
    _targets: tuple[Gateway, ...] = ()
    _under_way: dict[str, int] = field(default_factory=dict)
    _changed: Condition = field(default_factory=Condition)
    _over: Event = field(default_factory=Event)
    _threads: list[Thread] = field(default_factory=list)

    def start(self, *targets: Gateway) -> None:
        self.ask(*targets)
        for number in range(CLIENTS):
            thread = Thread(target=self._client, args=(number,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        self._over.set()
        self.ask()
        for thread in self._threads:
            thread.join(SECONDS)
            assert not thread.is_alive(), "a client is never answered"

    def ask(self, *targets: Gateway) -> None:
        """These, from now on; none: the clients pause."""
        with self._changed:
            self._targets = targets
            self._changed.notify_all()

    def wait_for_others(self) -> None:
        """Until nobody waits for those any more who are not asked now."""
        with self._changed:
            ports = {gateway.port for gateway in self._targets}
            done = self._changed.wait_for(
                lambda: set(self._under_way.values()) <= ports, SECONDS
            )
        assert done, "requests never ended"

    def wait_for_more(self, count: int) -> None:
        """Until so many more requests have ended."""
        with self._changed:
            enough = len(self.finished) + count
            done = self._changed.wait_for(
                lambda: len(self.finished) >= enough or self._over.is_set(), SECONDS
            )
        assert done, "the clients stand still"

    def _client(self, number: int) -> None:
        random = Random(self.seed * 1000 + number)
        headers = {"x-api-key": KEY, "x-claude-code-session-id": f"session-{number}"}
        with httpx.Client(headers=headers, trust_env=False, timeout=SECONDS) as http:
            turn = 0
            while not self._over.is_set():
                turn += 1
                text = f"client {number} turn {turn}"
                with self._changed:
                    self._changed.wait_for(lambda: self._targets or self._over.is_set())
                    if not self._targets:
                        return
                    gateway = random.choice(self._targets)
                    self._under_way[text] = gateway.port
                    begun = time.monotonic()
                asked = _ask(http, gateway, text, random, begun)
                with self._changed:
                    del self._under_way[text]
                    self.finished.append(asked)
                    self._changed.notify_all()


def _ask(
    http: httpx.Client, gateway: Gateway, text: str, random: Random, begun: float
) -> Asked:
    path = random.choice(("/v1/messages", "/v1/chat/completions"))
    streamed = random.random() < 0.6
    body: Json = {"model": MODEL, "max_tokens": 200, "messages": user(text)}
    broke = False
    try:
        answer = http.post(gateway.url + path, json=body | {"stream": streamed})
        trouble = _trouble(answer, text)
    except httpx.TransportError as error:
        trouble, broke = repr(error), True
    return Asked(
        text, path, streamed, gateway.port, begun, time.monotonic(), trouble, broke
    )


def _trouble(answer: httpx.Response, text: str) -> str:
    if answer.status_code != 200:
        return f"{answer.status_code} {answer.text}"
    if answer.headers["content-type"] == "application/json":
        said = _said(answer.json())
    else:
        pieces = answer.text.split("\n\n")
        said = "".join(
            _said(json.loads(data.removeprefix("data: ")))
            for piece in pieces
            if (data := piece.rpartition("\n")[2]).startswith("data: {")
        )
        if "message_stop" not in pieces[-2] and pieces[-2] != "data: [DONE]":
            return f"no end: {answer.text}"
    return "" if said == f"You said: {text}" else f"another answer: {said}"


def _said(told: Json) -> str:
    """The text of a whole answer, or in one event of a stream; of either dialect."""
    blocks = [*told.get("content", []), told.get("delta", {})]
    texts = [block.get("text") for block in blocks]
    for choice in told.get("choices", []):
        message = choice.get("message") or choice.get("delta") or {}
        texts.append(message.get("content"))
    return "".join(text for text in texts if text)
