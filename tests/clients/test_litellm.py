"""LiteLLM, by either of its roads to the gateway: OpenAI's API and Anthropic's."""

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

Json = dict[str, Any]
Complete = Callable[..., Json]

MODEL = "claude-sonnet-4-20250514"
VERSION = pinned("litellm", "litellm")
OFFLINE = "LITELLM_LOCAL_MODEL_COST_MAP=True"


@pytest.fixture(scope="session")
def litellm(
    serving: Gateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Driver]:
    command = ["env", OFFLINE, python("litellm")]
    command += [str(HERE / "litellm_driver.py")]
    with driver(command, tmp_path_factory.mktemp("litellm"), serving) as running:
        assert running.version == VERSION
        yield running


@pytest.fixture(params=["openai", "anthropic"])
def dialect(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=[True, False], ids=["streamed", "whole"])
def stream(request: pytest.FixtureRequest) -> bool:
    streamed: bool = request.param
    return streamed


@pytest.fixture
def complete(litellm: Driver, dialect: str, stream: bool, gateway: Gateway) -> Complete:
    """What comes of `litellm.completion`."""

    def completed(*messages: Json, model: str = MODEL, **more: Any) -> Json:
        asked = {"model": f"{dialect}/{model}", "messages": messages, "stream": stream}
        usage = {"stream_options": {"include_usage": True}} if stream else {}
        return litellm.play(asked | usage | more)

    return completed


def user(content: Any) -> Json:
    return {"role": "user", "content": content}


def test_it_answers_with_upstreams_own_usage(complete: Complete, upstream: Control):
    upstream.enqueue("cache_usage")
    told = complete(user("Hi"))
    assert told["message"]["content"] == "Hello, world!"
    assert told["finish_reason"] == "stop"
    usage = told["usage"]
    assert usage["prompt_tokens"] == 120 + 900 + 30
    assert usage["prompt_tokens_details"]["cached_tokens"] == 900
    assert usage["completion_tokens"] == 4
    assert usage["total_tokens"] == 1054


def function(name: str, **properties: str) -> Json:
    kinds = {key: {"type": kind} for key, kind in properties.items()}
    schema = {"type": "object", "properties": kinds, "required": [*properties]}
    described = {"name": name, "description": f"Call {name}.", "parameters": schema}
    return {"type": "function", "function": described}


TOOLS = [
    function("get_weather", city="string", unit="string"),
    function("get_time", zone="string"),
    function("write_file", path="string", content="string"),
]
DO: dict[str, Callable[..., object]] = {
    "get_weather": lambda city, unit: "12 degrees",
    "get_time": lambda zone: "noon",
    "write_file": lambda path, content: Path(path).write_text(content),
}


def test_it_does_a_task_with_two_calls_at_once(
    complete: Complete, upstream: Control, tmp_path: Path
):
    enqueue_task(upstream, tmp_path / "note.txt")
    messages = [user(PROMPT)]
    finish = "tool_calls"
    while finish == "tool_calls":
        told = complete(*messages, tools=TOOLS)
        finish = told["finish_reason"]
        messages.append(told["message"])
        for call in told["message"].get("tool_calls", []):
            called = call["function"]
            result = DO[called["name"]](**json.loads(called["arguments"]))
            messages.append(
                {"role": "tool", "tool_call_id": call["id"], "content": str(result)}
            )
    assert finish == "stop"
    assert messages[-1]["content"] == DONE
    assert_task_done(upstream, tmp_path / "note.txt")


def test_an_image_goes_upstream(complete: Complete, upstream: Control):
    encoded = b64encode(PNG).decode()
    url = f"data:image/png;base64,{encoded}"
    question = {"type": "text", "text": "What is this?"}
    told = complete(user([question, {"type": "image_url", "image_url": {"url": url}}]))
    assert told["message"]["content"] == "You said: What is this?"
    (state,) = states(upstream)
    assert current(state)["images"] == [{"format": "png", "source": {"bytes": encoded}}]


WEATHER = {"city": "Oslo", "degrees": 12}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
AS_SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "weather", "schema": SCHEMA, "strict": True},
}


# LiteLLM knows of which models Anthropic takes a schema, and else makes it a tool.
BY_TOOL = ("anthropic", MODEL)


@pytest.mark.parametrize("model", [MODEL, "claude-sonnet-4-5"])
def test_an_answer_of_a_wanted_form(
    complete: Complete, upstream: Control, dialect: str, model: str
):
    by_tool = {"tool": "json_tool_call", "input": WEATHER}
    by_text = {"text": json.dumps(WEATHER)}
    upstream.enqueue({"steps": [by_tool if (dialect, model) == BY_TOOL else by_text]})
    told = complete(user("Weather?"), model=model, response_format=AS_SCHEMA)
    assert json.loads(told["message"]["content"]) == WEATHER
    assert told["finish_reason"] == "stop"


TROUBLE = {
    "improperly_formed": ("BadRequestError", 400),
    "input_too_long": ("ContextWindowExceededError", 400),
    "monthly_limit": ("RateLimitError", 429),
    "nothing": ("BadGatewayError", 502),
}


@pytest.mark.parametrize("script", TROUBLE)
def test_trouble_upstream_is_an_error_of_its_class(
    complete: Complete, upstream: Control, script: str
):
    upstream.enqueue(*[script] * len(ACCOUNTS))
    told = complete(user("Hi"))
    assert (told["error"], told["status"]) == TROUBLE[script]


def test_a_wrong_key_and_an_unknown_model_are_told_apart(complete: Complete):
    stranger = complete(user("Hi"), api_key="wrong")
    assert stranger == {"error": "AuthenticationError", "status": 401}
    unknown = complete(user("Hi"), model="nobody-knows-it")
    assert unknown == {"error": "NotFoundError", "status": 404}


def test_a_reply_that_breaks_off_is_an_error(
    complete: Complete, upstream: Control, stream: bool
):
    upstream.enqueue("exception_after_text")
    told = complete(user("Hi"))
    assert told["error"] == ("MidStreamFallbackError" if stream else "BadGatewayError")
