"""What goes wrong is an exception of the class that the SDK has for it."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.control import Control
from tests.conftest import ACCOUNTS, StartGateway
from tests.drivers import Driver
from tests.processes import Gateway
from tests.sdks.openai.calls import refused
from tests.sdks.openai.sdks import Sdk, python

pytestmark = pytest.mark.real_client

CALLS: dict[str, dict[str, Any]] = {
    "chat.create": {"messages": [{"role": "user", "content": "Hi"}]},
    "chat.stream": {"messages": [{"role": "user", "content": "Hi"}]},
    "responses.create": {"input": "Hi"},
    "responses.stream": {"input": "Hi"},
}

Expected = tuple[str, int, str | None]
"""The class, the status, the code."""

ASKED: dict[str, tuple[dict[str, Any], Expected]] = {
    "a wrong key": ({"key": "wrong"}, ("AuthenticationError", 401, "invalid_api_key")),
    "an unknown model": (
        {"model": "nobody-knows-it"},
        ("NotFoundError", 404, "model_not_found"),
    ),
    "a tool without a name": (
        {"tools": [{"type": "function", "name": "", "parameters": {}}]},
        ("BadRequestError", 400, None),
    ),
}

# Answers of upstream, for as often as it is asked.
ANSWERED: dict[str, tuple[list[str], Expected]] = {
    "improperly formed": (["improperly_formed"], ("BadRequestError", 400, None)),
    "too long": (
        ["input_too_long"],
        ("BadRequestError", 400, "context_length_exceeded"),
    ),
    "out of credits": (
        ["monthly_limit"] * len(ACCOUNTS),
        ("RateLimitError", 429, "insufficient_quota"),
    ),
    "nothing": (["nothing"] * 3, ("InternalServerError", 502, None)),
    "suspended": (
        ["suspended"] * len(ACCOUNTS),
        ("InternalServerError", 503, None),
    ),
    "no capacity": (["model_capacity"] * 3, ("InternalServerError", 529, None)),
}


def seen(error: dict[str, Any]) -> Expected:
    return error["class"], error["status"], error["code"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("case", ASKED)
def test_what_is_asked_wrongly(case: str, call: str, other: Driver, gateway: Gateway):
    changed, expected = ASKED[case]
    assert seen(refused(other, call, **CALLS[call] | changed)) == expected


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("case", ANSWERED)
def test_what_upstream_refuses(
    case: str, call: str, other: Driver, gateway: Gateway, upstream: Control
):
    answers, expected = ANSWERED[case]
    upstream.enqueue(*answers)
    assert seen(refused(other, call, **CALLS[call])) == expected


def test_too_large_and_too_late(
    sdk: Sdk, start_gateway: StartGateway, upstream: Control
):
    gateway = start_gateway(MAX_BODY_BYTES="10000", UPSTREAM_IDLE_TIMEOUT="0.3")
    # Neither SDK has a class of its own for it.
    too_large = "APIStatusError" if sdk.run is python else "APIError"
    with sdk.driver(gateway) as other:
        error = refused(other, "responses.create", input="x" * 10_000)
        assert seen(error) == (too_large, 413, None)
        upstream.enqueue(*[{"steps": [{"gate": "never"}]}] * 3)
        error = refused(other, "responses.create", input="Hi")
        assert seen(error) == ("InternalServerError", 504, None)
    upstream.open_gate("never")
