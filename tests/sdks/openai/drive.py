"""Plays calls with the OpenAI SDK for Python, of whatever version.

As a program: one call per line of the input, {"call": one of `CALLS`, "asked": its
arguments}, with a "key" if it is not to be the gateway's; and one line of the output
for what came of it: {"answer", "error"}, both if an answer broke off; or {"crash"}, if
the SDK raised what is no error of the API. It imports nothing but the SDK and what
that stands on, for it runs in an environment of the SDK's own.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pydantic

Json = dict[str, Any]


class Weather(pydantic.BaseModel):
    city: str
    degrees: int


def helpers(sdk: openai.OpenAI) -> Any:
    """Where `parse` and `stream` are: older versions have them among their betas."""
    chat = sdk.chat.completions
    return chat if hasattr(chat, "parse") else sdk.beta.chat.completions


# Each yields the answer, as far as it has come.


def create_chat(sdk: openai.OpenAI, asked: Json) -> Iterator[Any]:
    yield sdk.chat.completions.create(**asked)


def iterate_chat(sdk: openai.OpenAI, asked: Json) -> Iterator[Any]:
    chunks = []
    for chunk in sdk.chat.completions.create(**asked, stream=True):
        chunks.append(chunk)
        yield chunks


def stream_chat(sdk: openai.OpenAI, asked: Json) -> Iterator[Any]:
    with helpers(sdk).stream(**asked) as stream:
        for _ in stream:
            yield stream.current_completion_snapshot
        try:
            yield stream.get_final_completion()
        except (
            openai.LengthFinishReasonError,
            openai.ContentFilterFinishReasonError,
        ):
            return  # so it says of what ended like that: the snapshot is all of it


def parse_chat(sdk: openai.OpenAI, asked: Json) -> Iterator[Any]:
    yield helpers(sdk).parse(**asked, response_format=Weather)


def create_response(sdk: openai.OpenAI, asked: Json) -> Iterator[Any]:
    yield sdk.responses.create(**asked)


def iterate_response(sdk: openai.OpenAI, asked: Json) -> Iterator[Any]:
    events = []
    for event in sdk.responses.create(**asked, stream=True):
        events.append(event)
        yield events


def stream_response(sdk: openai.OpenAI, asked: Json) -> Iterator[Any]:
    with sdk.responses.stream(**asked) as stream:
        for event in stream:
            if event.type in ("response.incomplete", "response.failed"):
                yield event.response
                return  # the SDK itself gives only those that were completed
        yield stream.get_final_response()


def parse_response(sdk: openai.OpenAI, asked: Json) -> Iterator[Any]:
    yield sdk.responses.parse(**asked, text_format=Weather)


CALLS: dict[str, Callable[[openai.OpenAI, Json], Iterator[Any]]] = {
    "chat.create": create_chat,
    "chat.iterate": iterate_chat,
    "chat.stream": stream_chat,
    "chat.parse": parse_chat,
    "responses.create": create_response,
    "responses.iterate": iterate_response,
    "responses.stream": stream_response,
    "responses.parse": parse_response,
}


def play(sdk: openai.OpenAI, call: str, asked: Json, key: str = "") -> Json:
    answer, error = None, None
    try:
        for so_far in CALLS[call](sdk.with_options(api_key=key or None), asked):
            answer = so_far
    except openai.APIError as failure:
        error = _failed(failure)
    return {"answer": _told(answer), "error": error}


def _told(answer: Any) -> Any:
    if isinstance(answer, list):
        return [_told(one) for one in answer]
    return None if answer is None else answer.to_dict()


def _failed(error: openai.APIError) -> Json:
    """Only what the gateway said; whatever else went wrong is a crash."""
    if not isinstance(error.body, dict):
        raise error
    status = getattr(error, "status_code", 200)
    return {**error.body, "class": type(error).__name__, "status": status}


def main() -> None:
    with openai.OpenAI(
        base_url=os.environ["GATEWAY_URL"] + "/v1",
        api_key=os.environ["GATEWAY_KEY"],
        max_retries=0,
    ) as sdk:
        print(json.dumps({"version": openai.__version__}), flush=True)
        for line in sys.stdin:
            try:
                told = play(sdk, **json.loads(line))
            except Exception:
                told = {"crash": traceback.format_exc()}
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
