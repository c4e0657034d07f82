"""`python -m simulator`: the upstream, on a port of this machine until stopped."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simulator.accounts import DEFAULT_ACCOUNTS
from simulator.server import serving
from simulator.simulation import Settings, Simulation


def main() -> None:
    options = _options()
    accounts: Sequence[Mapping[str, Any]] = DEFAULT_ACCOUNTS
    if options.accounts is not None:
        accounts = json.loads(options.accounts.read_text())
    simulation = Simulation(accounts, Settings(pace=options.pace))
    try:
        asyncio.run(_run(simulation, options.host, options.port))
    except OSError as fault:
        sys.exit(f"simulator: {fault}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0: any free one")
    parser.add_argument(
        "--accounts", type=Path, help="a JSON list, as simulator/accounts.py says"
    )
    parser.add_argument(
        "--pace", type=float, default=0.0, help="seconds between the pieces of answers"
    )
    return parser.parse_args()


async def _run(simulation: Simulation, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serving(simulation, host, port) as url:
        print(f"simulator listening on {url}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    main()
