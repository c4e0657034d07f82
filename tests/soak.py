"""Half an hour of mixed load on one gateway: `make soak`, for SOAK_MINUTES.

Streams, whole answers, clients that leave, refusals, the admin and the dashboard, at a
simulated upstream. Each minute prints what the gateway holds; in the end it fails if
that has grown since the fifth minute, or if a request went wrong.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from simulator.testing import running_simulator
from tests import load
from tests.calls import BODY, MODEL, user
from tests.conftest import ACCOUNTS, IMPORTED
from tests.processes import environment, manage, running_gateway, upstream_settings

AT_ONCE = 12
SETTLED_AFTER = 5
# What may come and go from minute to minute.
LEEWAY = {"rss_mb": 30.0, "threads": 2, "descriptors": 20, "connections": 20}

Visit = Callable[[httpx.AsyncClient], Awaitable[str]]


@dataclass(frozen=True)
class Figures:
    rss_mb: float
    threads: int
    descriptors: int
    connections: int

    @classmethod
    def of(cls, pid: int) -> Figures:
        process = psutil.Process(pid)
        return cls(
            process.memory_info().rss / 2**20,
            process.num_threads(),
            process.num_fds(),
            len(process.net_connections()),
        )

    def grown_since(self, before: Figures) -> list[str]:
        return [
            name
            for name, leeway in LEEWAY.items()
            if getattr(self, name) > getattr(before, name) + leeway
        ]


async def whole(client: httpx.AsyncClient) -> str:
    answer = await client.post("/v1/messages", json=BODY)
    return "ok" if answer.status_code == 200 else f"whole: {answer.status_code}"


async def leaving(client: httpx.AsyncClient) -> str:
    async with client.stream("POST", "/v1/messages", json=load.STREAMED) as answer:
        async for _ in answer.aiter_bytes():
            break
    return "ok"


async def refused(client: httpx.AsyncClient) -> str:
    answer = await client.post("/v1/messages", json={"model": MODEL})
    return "ok" if answer.status_code == 400 else f"refused: {answer.status_code}"


async def nobody(client: httpx.AsyncClient) -> str:
    answer = await client.get("/v1/models", headers={"x-api-key": "wrong"})
    return "ok" if answer.status_code == 401 else f"nobody: {answer.status_code}"


async def chat(client: httpx.AsyncClient) -> str:
    body = {"model": MODEL, "messages": user("Hi"), "stream": True}
    answer = await client.post("/v1/chat/completions", json=body)
    return "ok" if "data: [DONE]" in answer.text else f"chat: {answer.text[-200:]}"


async def looking(client: httpx.AsyncClient) -> str:
    for path in ("/", "/api/tokens", "/admin/accounts/account/", "/readyz"):
        answer = await client.get(path)
        if answer.status_code != 200:
            return f"{path}: {answer.status_code}"
    return "ok"


VISITS: dict[Visit, int] = {
    load.ask: 10,
    whole: 4,
    chat: 4,
    leaving: 3,
    refused: 2,
    nobody: 1,
    looking: 1,
}


async def log_in(client: httpx.AsyncClient) -> None:
    page = await client.get("/admin/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token
    form = {"username": "admin", "password": "correct horse battery"}
    form["csrfmiddlewaretoken"] = token[1]
    assert (await client.post("/admin/login/", data=form)).status_code == 302


async def visit_until(over: Callable[[], bool], url: str, ends: Counter[str]) -> None:
    async with load.http(url) as client:
        await log_in(client)

        async def one_after_the_other() -> None:
            while not over():
                (visit,) = random.choices(list(VISITS), list(VISITS.values()))
                try:
                    ends[await visit(client)] += 1
                except httpx.HTTPError as error:
                    ends[f"{visit.__name__}: {type(error).__name__}"] += 1

        await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))


async def soak(minutes: int, url: str, pid: int) -> int:
    ends: Counter[str] = Counter()
    over = load.after(minutes * 60)
    visiting = asyncio.create_task(visit_until(over, url, ends))
    print("minute  requests  RSS MB  threads  descriptors  connections", flush=True)
    settled: Figures | None = None
    grown: list[str] = []
    for minute in range(1, minutes + 1):
        await asyncio.wait((visiting,), timeout=60)
        now = Figures.of(pid)
        print(
            f"{minute:6} {ends.total():9} {now.rss_mb:7.1f} {now.threads:8}"
            f" {now.descriptors:12} {now.connections:12}",
            flush=True,
        )
        if minute == SETTLED_AFTER:
            settled = now
        grown = now.grown_since(settled) if settled else []
    await visiting
    bad = {end: count for end, count in ends.items() if end != "ok"}
    print(f"{ends['ok']} requests were served, {sum(bad.values())} went wrong: {bad}")
    if grown:
        print(f"grown since minute {SETTLED_AFTER}: {', '.join(grown)}")
    return 1 if bad or grown else 0


def main() -> int:
    minutes = int(os.environ.get("SOAK_MINUTES", "30"))
    with ExitStack() as running:
        folder = running.enter_context(tempfile.TemporaryDirectory())
        upstream = running.enter_context(running_simulator(ACCOUNTS))
        upstream.settings(pace=0.02)
        env = environment(
            Path(folder),
            KIRO_AUTH_TOKEN=json.dumps(IMPORTED),
            LOG_LEVEL="error",
            **upstream_settings(upstream.url),
        )
        done = manage("prepare", env=env)
        assert done.returncode == 0, done.stderr
        gateway = running.enter_context(running_gateway(env, "--worker"))
        started = time.monotonic()
        result = asyncio.run(soak(minutes, gateway.url, gateway.pid))
        print(f"{(time.monotonic() - started) / 60:.1f} minutes")
        return result


if __name__ == "__main__":
    sys.exit(main())
