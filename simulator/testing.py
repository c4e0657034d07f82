"""A simulator beside a test: in a thread with an event loop of its own."""

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from queue import Queue
from typing import Any

from simulator.accounts import DEFAULT_ACCOUNTS
from simulator.control import Control
from simulator.server import serving
from simulator.simulation import Simulation

START_SECONDS = 10


@contextmanager
def running_simulator(
    accounts: Sequence[Mapping[str, Any]] | None = None,
) -> Iterator[Control]:
    """On a free port of the loopback; `reset()` brings back these accounts."""
    simulation = Simulation(DEFAULT_ACCOUNTS if accounts is None else accounts)
    started: Queue[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Queue()

    async def run() -> None:
        stop = asyncio.Event()
        async with serving(simulation, "127.0.0.1", 0) as url:
            started.put((url, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    url, loop, stop = started.get(timeout=START_SECONDS)
    try:
        yield Control(url)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
