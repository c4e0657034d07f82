"""An upstream for tests that go through the gateway itself."""

from __future__ import annotations

import pytest

from accounts.tests.conftest import add_account
from simulator.control import Control


@pytest.fixture
def upstream(simulator: Control, connections: None) -> Control:
    """The simulator with one account, ann, which the database knows too."""
    simulator.set_accounts([{"name": "ann", "kind": "social"}])
    add_account("ann", access_token=simulator.issue_access_token("ann"))
    return simulator
