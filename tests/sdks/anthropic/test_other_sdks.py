"""Every scripted answer of upstream, in an old SDK and in another language's: all
of them make of it what the newest one for Python does."""

from __future__ import annotations

from collections.abc import Iterator

import anthropic
import pytest

from simulator.control import Control
from simulator.scripts import SCRIPTS
from tests.drivers import Driver
from tests.processes import Gateway
from tests.sdks.anthropic.drive_python import play
from tests.sdks.anthropic.outcome import REQUEST, Outcome, enqueue_for
from tests.sdks.anthropic.programs import (
    OLD_PYTHON,
    TYPESCRIPT,
    old_python,
    typescript,
)

pytestmark = [
    pytest.mark.real_client,
    # The SDK says when Anthropic itself retires a model; that is not about us.
    pytest.mark.filterwarnings("ignore:The model:DeprecationWarning"),
]

SDKS = {"old-python": (old_python, OLD_PYTHON), "typescript": (typescript, TYPESCRIPT)}


@pytest.fixture(scope="session", params=SDKS.values(), ids=list(SDKS))
def other(request: pytest.FixtureRequest, serving: Gateway) -> Iterator[Driver]:
    run, version = request.param
    with run(serving) as driver:
        assert driver.version == version
        yield driver


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_comes_to_the_same_in_every_sdk(
    name: str, stream: bool, other: Driver, gateway: Gateway, upstream: Control
):
    enqueue_for(upstream, name, requests=2)
    request = REQUEST | {"stream": stream}
    told = other.play(request)
    with anthropic.Anthropic(
        base_url=gateway.url, api_key=gateway.key, max_retries=0
    ) as newest:
        assert Outcome.of(told) == Outcome.of(play(newest, request))
