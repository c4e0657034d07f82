"""The worker as a child of the gateway, for whoever runs one process."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

logger = logging.getLogger(__name__)

COMMAND = [
    sys.executable,
    str(settings.BASE_DIR / "manage.py"),
    "work",
    "--until-input-ends",
]
STOP_SECONDS = 25
# One that dies is started again, later each time.
PAUSES = (1, 5, 30, 120)


@contextmanager
def worker_beside() -> Iterator[None]:
    """Runs as long as the block does; it ends with us even if we are killed, as it
    reads from a pipe that only we hold."""
    stopping = threading.Event()
    keeper = threading.Thread(target=_keep, args=(stopping,), name="worker keeper")
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        keeper.join()


def _keep(stopping: threading.Event) -> None:
    died = 0
    while not stopping.is_set():
        with subprocess.Popen(COMMAND, stdin=subprocess.PIPE) as worker:
            while worker.poll() is None and not stopping.wait(0.5):
                pass
            if worker.poll() is None:
                _stop(worker)
                return
        pause = PAUSES[min(died, len(PAUSES) - 1)]
        logger.error(
            "the worker ended with %s: again in %d s", worker.returncode, pause
        )
        died += 1
        stopping.wait(pause)


def _stop(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()
    try:
        worker.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        logger.error("the worker does not stop: it is killed")
        worker.kill()
