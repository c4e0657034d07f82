"""Every scripted answer of upstream, in an old SDK and in another language's: all
of them make of it what the newest one for Python does."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from simulator.control import Control
from simulator.scripts import SCRIPTS
from tests.drivers import Driver
from tests.processes import Gateway
from tests.sdks.anthropic.outcome import enqueue_for
from tests.sdks.openai.drive import play
from tests.sdks.openai.outcome import CHAT, RESPONSE, Outcome

pytestmark = pytest.mark.real_client

CALLS = {
    "chat.create": CHAT,
    "chat.stream": CHAT | {"stream_options": {"include_usage": True}},
    "responses.create": RESPONSE,
    "responses.stream": RESPONSE,
}


@pytest.fixture(scope="module")
def newest(serving: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{serving.url}/v1", api_key=serving.key, max_retries=0
    ) as sdk:
        yield sdk


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_comes_to_the_same_in_every_sdk(
    name: str,
    call: str,
    other: Driver,
    newest: openai.OpenAI,
    gateway: Gateway,
    upstream: Control,
):
    enqueue_for(upstream, name, requests=2)
    told = other.play({"call": call, "asked": CALLS[call]})
    assert Outcome.of(told) == Outcome.of(play(newest, call, CALLS[call]))
