"""What is done by the clock: jobs by name, run by the one background worker.

A job may run twice at once, in a second worker or a person's shell: each claims what
it works on in the database. Without a worker nothing breaks; requests then pay for
what is due.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import close_old_connections
from django.utils.module_loading import autodiscover_modules
from huey import PostgresHuey, SqliteHuey, crontab
from huey.api import Huey
from psycopg.conninfo import make_conninfo

logger = logging.getLogger(__name__)

# Jobs wait for the service and the database, hardly ever for the processor.
JOBS_AT_ONCE = 4
STOP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    minutes: int
    run: Callable[[], None]


_jobs: dict[str, Job] = {}


def every(minutes: int) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Makes a function of an app's `tasks` module a job."""

    def register(run: Callable[[], None]) -> Callable[[], None]:
        name = run.__qualname__
        assert name not in _jobs, f"two jobs are called {name}"
        _jobs[name] = Job(name, minutes, run)
        return run

    return register


def jobs() -> list[Job]:
    autodiscover_modules("tasks")
    return list(_jobs.values())


def run_worker() -> None:
    """Until SIGTERM, and then until the jobs under way are done."""
    huey = _queue()
    tasks = [_scheduled(huey, job) for job in jobs()]
    for task in tasks:  # at the start too, not a minute later
        task()
    logger.info("the worker runs %d jobs", len(tasks))
    huey.create_consumer(
        workers=JOBS_AT_ONCE,
        shutdown_timeout=STOP_SECONDS,
        graceful_signal="TERM",
    ).run()


def _scheduled(huey: Huey, job: Job) -> Callable[[], None]:
    busy = threading.Lock()

    def run() -> None:
        if not busy.acquire(blocking=False):
            logger.info("job %s: the last one is still under way", job.name)
            return
        close_old_connections()
        try:
            job.run()
        except Exception:
            logger.exception("job %s failed", job.name)
        finally:
            close_old_connections()
            busy.release()

    minutes = crontab(minute=f"*/{job.minutes}")
    # One that comes late is not done twice in a row.
    periodic = huey.periodic_task(minutes, name=job.name, expires=job.minutes * 60)
    scheduled: Callable[[], None] = periodic(run)
    return scheduled


def _queue() -> Huey:
    """Beside what the gateway keeps, in tables or a file of its own."""
    if settings.SQLITE:
        file = settings.DATA_DIR / "worker.sqlite3"
        return SqliteHuey("kiro2api", filename=str(file), results=False)
    database = settings.DATABASES["default"]
    parts = {
        "host": database["HOST"],
        "port": database["PORT"],
        "dbname": database["NAME"],
        "user": database["USER"],
        "password": database["PASSWORD"],
    }
    options = {
        name: value
        for name, value in database["OPTIONS"].items()
        if isinstance(value, str)
    }
    given = {name: value for name, value in parts.items() if value}
    return PostgresHuey(
        "kiro2api", dsn=make_conninfo(**given, **options), results=False
    )
