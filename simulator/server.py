"""Runs the simulator on a socket of the loopback, or of whatever host is asked for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from simulator.service import build_app
from simulator.simulation import Simulation

SHUTDOWN_SECONDS = 0.5


@asynccontextmanager
async def serving(simulation: Simulation, host: str, port: int) -> AsyncIterator[str]:
    """Yields its address; port 0 is any free one."""
    # Handlers are cancelled when the client hangs up, so that captures tell.
    runner = web.AppRunner(
        build_app(simulation),
        handler_cancellation=True,
        shutdown_timeout=SHUTDOWN_SECONDS,
        access_log=None,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0]
        yield f"http://{bound[0]}:{bound[1]}"
    finally:
        simulation.gates.open_all()
        await runner.cleanup()
