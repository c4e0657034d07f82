"""Each of the SDKs that are driven, in front of the gateway that all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.drivers import Driver
from tests.processes import Gateway
from tests.sdks.openai.sdks import SDKS, Sdk


@pytest.fixture(scope="session", params=SDKS, ids=str)
def sdk(request: pytest.FixtureRequest) -> Sdk:
    chosen: Sdk = request.param
    return chosen


@pytest.fixture(scope="session")
def other(sdk: Sdk, serving: Gateway) -> Iterator[Driver]:
    with sdk.driver(serving) as driver:
        assert driver.version == sdk.version
        yield driver
