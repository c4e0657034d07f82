"""LangChain's chat models, by each of their three roads to the gateway: Chat
Completions and Responses (langchain-openai), and Messages (langchain-anthropic)."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.control import Control
from tests.asked import current, states
from tests.clients.environments import HERE, pinned, python
from tests.clients.task import DONE, PROMPT, assert_task_done, enqueue_task
from tests.conftest import ACCOUNTS
from tests.drivers import Driver, driver
from tests.pictures import PNG
from tests.processes import Gateway

pytestmark = pytest.mark.real_client

Do = Callable[..., dict[str, Any]]

PACKAGES = ("langchain-openai", "langchain-anthropic")


@pytest.fixture(scope="session")
def langchain(
    serving: Gateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Driver]:
    command = [python("langchain"), str(HERE / "langchain_driver.py")]
    with driver(command, tmp_path_factory.mktemp("langchain"), serving) as running:
        wanted = [pinned("langchain", package) for package in PACKAGES]
        assert running.version.split() == wanted
        yield running


@pytest.fixture(params=["chat", "responses", "anthropic"])
def model(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=[True, False], ids=["streamed", "whole"])
def stream(request: pytest.FixtureRequest) -> bool:
    streamed: bool = request.param
    return streamed


@pytest.fixture
def do(langchain: Driver, model: str, gateway: Gateway) -> Do:
    """What comes of a job of the driver's."""

    def done(job: str, said: Any, **more: Any) -> dict[str, Any]:
        return langchain.play({"job": job, "model": model, "said": said, **more})

    return done


def test_it_answers_with_upstreams_own_usage(do: Do, upstream: Control, stream: bool):
    upstream.enqueue("cache_usage")
    told = do("answer", "Hi", stream=stream)
    assert told["text"] == "Hello, world!"
    usage = told["usage"]
    assert usage["input_tokens"] == 120 + 900 + 30
    assert usage["input_token_details"]["cache_read"] == 900
    assert usage["output_tokens"] == 4
    assert usage["total_tokens"] == 1054


def test_it_does_a_task_with_two_calls_at_once(
    do: Do, upstream: Control, stream: bool, tmp_path: Path
):
    enqueue_task(upstream, tmp_path / "note.txt")
    told = do("work", PROMPT, stream=stream)
    assert told["text"] == DONE
    assert_task_done(upstream, tmp_path / "note.txt")


def test_an_image_goes_upstream(do: Do, upstream: Control):
    encoded = b64encode(PNG).decode()
    said = [
        {"type": "text", "text": "What is this?"},
        {"type": "image", "base64": encoded, "mime_type": "image/png"},
    ]
    told = do("answer", said, stream=False)
    assert told["text"] == "You said: What is this?"
    (state,) = states(upstream)
    assert current(state)["images"] == [{"format": "png", "source": {"bytes": encoded}}]


WEATHER = {"city": "Oslo", "degrees": 12}
SCHEMA = {
    "title": "Weather",
    "description": "The weather in a city.",
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
WAYS: dict[str, Any] = {
    "json_schema": {"text": json.dumps(WEATHER)},
    "function_calling": {"tool": "Weather", "input": WEATHER},
}


@pytest.mark.parametrize("method", WAYS)
def test_a_structured_answer(do: Do, upstream: Control, method: str):
    upstream.enqueue({"steps": [WAYS[method]]})
    told = do("structured", "Weather?", schema=SCHEMA, method=method)
    assert told == {"value": WEATHER}


TROUBLE = {
    "improperly_formed": "BadRequestError",
    "input_too_long": "ContextOverflowError",
    "monthly_limit": "RateLimitError",
    "nothing": "InternalServerError",
}


@pytest.mark.parametrize("script", TROUBLE)
def test_trouble_upstream_is_an_error_of_its_class(
    do: Do, upstream: Control, script: str
):
    upstream.enqueue(*[script] * len(ACCOUNTS))
    told = do("answer", "Hi", stream=True)
    assert TROUBLE[script] in told["error"]


def test_a_stream_that_breaks_is_an_error(do: Do, upstream: Control):
    upstream.enqueue("exception_after_text")
    told = do("answer", "Hi", stream=True)
    assert "error" in told
