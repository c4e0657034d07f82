"""Load on a gateway: clients that stream one answer after the other."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from tests.calls import BODY, events, user
from tests.processes import KEY

# Half a second and more at the pace of a test.
LONG = '<<SIM:{"turns":[[{"fill":400}]]}:SIM>>'
STREAMED = BODY | {"max_tokens": 1000, "stream": True, "messages": user(LONG)}
LAST = {"type": "message_stop"}


@dataclass
class Tally:
    """How the requests of a load ended: "ok", or what was wrong with each."""

    ends: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> dict[str, int]:
        return {end: count for end, count in self.ends.items() if end != "ok"}

    @property
    def served(self) -> int:
        return self.ends["ok"]


def http(url: str) -> httpx.AsyncClient:
    """As SDKs have it, connections are kept; but nothing is asked twice."""
    return httpx.AsyncClient(
        base_url=url,
        headers={"x-api-key": KEY},
        trust_env=False,
        timeout=60,
        transport=httpx.AsyncHTTPTransport(
            retries=0, limits=httpx.Limits(max_connections=None)
        ),
    )


async def ask(client: httpx.AsyncClient) -> str:
    try:
        answer = await client.post("/v1/messages", json=STREAMED)
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    if answer.status_code != 200:
        return f"{answer.status_code}: {answer.text[:200]}"
    return "ok" if events(answer.text)[-1] == LAST else f"cut: {answer.text[-200:]}"


async def stream_until(
    over: Callable[[], bool], url: str, at_once: int, tally: Tally
) -> None:
    async with http(url) as client:

        async def one_after_the_other() -> None:
            while not over():
                tally.ends[await ask(client)] += 1

        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))


def after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end
