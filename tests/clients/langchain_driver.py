"""Does small jobs with LangChain's chat models.

As a program: one job per line of the input, and one line of the output for what came
of it. It imports nothing but LangChain, for it runs in an environment of its own.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anthropic
import openai
from langchain_anthropic import ChatAnthropic  # type: ignore[import-not-found]
from langchain_core.messages import (  # type: ignore[import-not-found]
    AIMessage,
    HumanMessage,
    ToolMessage,
)
from langchain_openai import ChatOpenAI  # type: ignore[import-not-found]

GATEWAY, KEY = os.environ["GATEWAY_URL"], os.environ["GATEWAY_KEY"]
MODEL = "claude-sonnet-4-20250514"
COMMON = {"model": MODEL, "api_key": KEY, "max_retries": 0}
OPENAI = {"base_url": f"{GATEWAY}/v1", **COMMON}
MODELS: dict[str, Any] = {
    "chat": ChatOpenAI(stream_usage=True, **OPENAI),
    "responses": ChatOpenAI(use_responses_api=True, **OPENAI),
    "anthropic": ChatAnthropic(base_url=GATEWAY, **COMMON),
}
# What ChatOpenAI raises for the event `response.failed`.
ResponseFailed = ValueError


def get_weather(city: str, unit: str) -> str:
    """The weather in a city."""
    return "12 degrees"


def get_time(zone: str) -> str:
    """The time in a zone."""
    return "noon"


def write_file(path: str, content: str) -> str:
    """Write a file."""
    return str(Path(path).write_text(content))


TOOLS: dict[str, Callable[..., str]] = {
    "get_weather": get_weather,
    "get_time": get_time,
    "write_file": write_file,
}


def work(model: Any, said: Any, stream: bool) -> dict[str, Any]:
    """As an agent does: until no tool is called any more."""
    model = model.bind_tools([*TOOLS.values()])
    messages = [HumanMessage(said), _ask(model, [HumanMessage(said)], stream)]
    while calls := messages[-1].tool_calls:
        for call in calls:
            result = TOOLS[call["name"]](**call["args"])
            messages.append(ToolMessage(result, tool_call_id=call["id"]))
        messages.append(_ask(model, messages, stream))
    return _told(messages[-1])


def answer(model: Any, said: Any, stream: bool) -> dict[str, Any]:
    return _told(_ask(model, [HumanMessage(said)], stream))


def structured(model: Any, said: Any, schema: Any, method: str) -> dict[str, Any]:
    wanted: Any = model.with_structured_output(schema, method=method)
    return {"value": wanted.invoke(said)}


def _ask(model: Any, messages: list[Any], stream: bool) -> Any:
    if not stream:
        return model.invoke(messages)
    chunks = list(model.stream(messages))
    return sum(chunks[1:], chunks[0])


def _told(message: AIMessage) -> dict[str, Any]:
    return {"text": message.text, "usage": message.usage_metadata}


JOBS: dict[str, Callable[..., dict[str, Any]]] = {
    "answer": answer,
    "work": work,
    "structured": structured,
}


def do(job: str, model: str, **given: Any) -> dict[str, Any]:
    try:
        return JOBS[job](MODELS[model], **given)
    except (openai.APIError, anthropic.APIError, ResponseFailed) as error:
        return {"error": [kind.__name__ for kind in type(error).__mro__]}


def main() -> None:
    packages = ("langchain-openai", "langchain-anthropic")
    print(json.dumps({"version": " ".join(map(version, packages))}), flush=True)
    for line in sys.stdin:
        print(json.dumps(do(**json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
