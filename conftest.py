"""Fixtures that every test may use: the upstream, and our connections to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import hypothesis
import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoDbBlocker, Settings

from accounts import reading
from clients import keys
from kiro2api import database, http
from proxy import attachments, settlements
from simulator.control import Control
from simulator.testing import running_simulator

# How long an example takes says something of the machine, not of the program.
hypothesis.settings.register_profile(
    "untimed",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """SQLite in a file: in memory, each thread would see a database of its own."""
    if settings.SQLITE:
        file = tmp_path_factory.mktemp("database") / "test.sqlite3"
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = str(file)


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Postgres drops no database that somebody is connected to: what a thread of
    ours may still hold is taken from it."""
    yield
    database.THREADS.shutdown()
    if not settings.SQLITE:
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture(scope="session")
def simulator_running() -> Iterator[Control]:
    with running_simulator() as control:
        yield control


@pytest.fixture
def simulator(simulator_running: Control, settings: Settings) -> Iterator[Control]:
    """The upstream, as at its start. A request of ours that broke a rule of its
    protocol fails the test that sent it, whatever else the test looked at."""
    simulator_running.reset()
    for name in ("API", "RUNTIME", "CONTROL", "AUTH", "OIDC"):
        setattr(settings, f"KIRO_{name}_URL", simulator_running.url)
    yield simulator_running
    assert simulator_running.broken_rules() == []
    assert simulator_running.unknown_members() == []


@pytest.fixture
async def connections() -> AsyncIterator[None]:
    """For tests that go upstream from their own loop: closes what they opened."""
    keys.forget()
    yield
    await settlements.close(seconds=10)
    await reading.finish()
    await attachments.close()
    await http.close()
