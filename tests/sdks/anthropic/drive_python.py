"""Plays requests with the Anthropic SDK for Python, of whatever version.

As a program: one request per line of the input, as `messages.create` takes it, and
one line of the output for what came of it (`Outcome` in outcome.py). It imports nothing
but the SDK, for it runs in an environment of the SDK's own.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from typing import Any

import anthropic


def play(sdk: anthropic.Anthropic, request: dict[str, Any]) -> dict[str, Any]:
    played = dict(request)
    if played.pop("stream"):
        return _streamed(sdk, played)
    try:
        message = sdk.messages.create(**played)
    except anthropic.APIStatusError as error:
        return _failed(error)
    return {"message": message.to_dict(), "closed": [*range(len(message.content))]}


def _streamed(sdk: anthropic.Anthropic, request: dict[str, Any]) -> dict[str, Any]:
    closed: list[int] = []
    snapshot = None
    try:
        with sdk.messages.stream(**request) as stream:
            for event in stream:
                snapshot = stream.current_message_snapshot
                if event.type == "content_block_stop":
                    closed.append(event.index)
            message = stream.get_final_message()
    except anthropic.APIStatusError as error:
        said = {} if snapshot is None else {"message": snapshot.to_dict()}
        return _failed(error) | said | {"closed": closed}
    return {"message": message.to_dict(), "closed": closed}


def _failed(error: anthropic.APIStatusError) -> dict[str, Any]:
    assert isinstance(error.body, dict), error.body
    return {"status": error.status_code, "error": error.body["error"]["type"]}


def main() -> None:
    # The SDK says when Anthropic itself retires a model; that is not about us.
    warnings.simplefilter("ignore", DeprecationWarning)
    with anthropic.Anthropic(
        base_url=os.environ["GATEWAY_URL"],
        api_key=os.environ["GATEWAY_KEY"],
        max_retries=0,
    ) as sdk:
        print(json.dumps({"version": anthropic.__version__}), flush=True)
        for line in sys.stdin:
            print(json.dumps(play(sdk, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
