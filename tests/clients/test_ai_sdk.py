"""The AI SDK of Vercel, by each of its roads to the gateway."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.control import GENERATE, Control
from tests.asked import current, states
from tests.clients.task import DONE, PROMPT, assert_task_done, enqueue_task
from tests.conftest import ACCOUNTS
from tests.directive import Json, call, directive, say
from tests.drivers import Driver, driver
from tests.installing import CLIENTS, NODE, npm_ci
from tests.pictures import PNG
from tests.processes import Gateway

pytestmark = pytest.mark.real_client

Play = Callable[..., Json]

HERE = Path(__file__).parent / "ai_sdk"
VERSION = json.loads((HERE / "package.json").read_text())["dependencies"]["ai"]
SURFACES = ["chat", "responses", "compatible", "anthropic"]
MODEL = "claude-sonnet-4-20250514"


@pytest.fixture(scope="session")
def ai_sdk(serving: Gateway) -> Iterator[Driver]:
    folder = CLIENTS / f"ai-sdk-{VERSION}"
    npm_ci(folder, HERE)
    with driver([NODE, str(HERE / "drive.mjs")], folder, serving) as running:
        assert running.version == VERSION
        yield running


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=[True, False], ids=["streamed", "whole"])
def play(
    request: pytest.FixtureRequest, surface: str, ai_sdk: Driver, gateway: Gateway
) -> Play:
    def played(model: str = MODEL, **asked: Any) -> Json:
        return ai_sdk.play(
            {"surface": surface, "model": model, "stream": request.param, **asked}
        )

    return played


only_streamed = pytest.mark.parametrize("play", [True], ids=["streamed"], indirect=True)


def test_it_answers_with_upstreams_own_usage(play: Play, upstream: Control):
    upstream.enqueue("cache_usage")
    told = play(instructions="Be brief.", prompt="Hi")
    assert told["text"] == "Hello, world!"
    assert told["finish"] == "stop"
    assert told["usage"]["inputTokens"] == 120 + 900 + 30
    assert told["usage"]["inputTokenDetails"]["cacheReadTokens"] == 900
    assert told["usage"]["outputTokens"] == 4
    assert "Be brief." in str(states(upstream))


def test_it_does_a_task_in_several_steps(play: Play, upstream: Control, tmp_path: Path):
    enqueue_task(upstream, tmp_path / "note.txt")
    told = play(prompt=PROMPT, tools=True)
    assert told["text"] == DONE
    assert told["finish"] == "stop"
    assert told["called"] == [["get_weather", "get_time"], ["write_file"], []]
    assert_task_done(upstream, tmp_path / "note.txt")


def test_an_image_goes_upstream(play: Play, upstream: Control):
    encoded = b64encode(PNG).decode()
    picture = {"type": "file", "mediaType": "image/png", "data": encoded}
    question = {"type": "text", "text": "What is this?"}
    play(messages=[{"role": "user", "content": [question, picture]}])
    (state,) = states(upstream)
    assert current(state)["images"] == [{"format": "png", "source": {"bytes": encoded}}]


WEATHER: Json = {"city": "Oslo", "degrees": 12}


@pytest.mark.parametrize("model", ["claude-sonnet-4-20250514", "claude-sonnet-4-5"])
def test_an_object_of_a_wanted_form(model: str, play: Play, upstream: Control):
    """As text, or where the SDK does not trust a model with that, by a tool."""
    answer = [say(json.dumps(WEATHER)), call("json", **WEATHER)]
    told = play(model, prompt="Weather? " + directive(answer), object=True)
    assert told["object"] == WEATHER


# Else that provider asks models for it only whose names it knows.
FORCED = {"openai": {"forceReasoning": True}}


@pytest.mark.parametrize("surface", ["responses", "compatible", "anthropic"])
def test_thinking_that_is_asked_for_is_shown(play: Play):
    thought: Json = {"thinking": "Let me see."}
    told = play(
        "claude-sonnet-4-5",
        prompt="Hi " + directive([thought, say("Seen.")]),
        reasoning="high",
        providerOptions=FORCED,
    )
    assert told["reasoning"] == "Let me see."
    assert told["text"] == "Seen."


TROUBLE = {
    "improperly_formed": 400,
    "input_too_long": 400,
    "monthly_limit": 429,
    "nothing": 502,
}


@pytest.mark.parametrize("script", TROUBLE)
def test_trouble_upstream_is_an_error_with_its_status(
    script: str, play: Play, upstream: Control
):
    upstream.enqueue(*[script] * len(ACCOUNTS))
    told = play(prompt="Hi")
    assert told["status"] == TROUBLE[script]
    assert told["error"]


@only_streamed
def test_it_asks_again_when_no_account_has_capacity(play: Play, upstream: Control):
    upstream.enqueue(*["model_capacity"] * len(ACCOUNTS), "text")
    told = play(prompt="Hi", maxRetries=1)
    assert told["text"] == "Hello, world!"
    assert upstream.calls(GENERATE) == len(ACCOUNTS) + 1


@only_streamed
def test_a_stream_that_breaks_is_an_error(play: Play, upstream: Control):
    upstream.enqueue("exception_after_text")
    told = play(prompt="Hi")
    assert told == {
        "text": "Hello, world!",
        "error": "upstream broke off the reply with an error",
    }
