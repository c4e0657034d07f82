"""One simulator for all tests of a process, as new before each."""

from collections.abc import Iterator

import pytest

from simulator.control import Control
from simulator.testing import running_simulator
from simulator.tests.caller import Caller

ACCOUNTS = [
    {"name": "alice", "kind": "social"},
    {"name": "bob", "kind": "idc", "plan": "POWER"},
    {"name": "carol", "kind": "builder_id", "plan": "FREE"},
    {"name": "dave", "kind": "external_idp"},
    {"name": "erin", "kind": "api_key"},
]


@pytest.fixture(scope="session")
def running() -> Iterator[Control]:
    with running_simulator(ACCOUNTS) as control:
        yield control


@pytest.fixture
def control(running: Control) -> Control:
    running.reset()
    return running


@pytest.fixture
def caller(control: Control) -> Caller:
    return Caller(control)
