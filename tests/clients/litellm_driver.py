"""Plays requests with LiteLLM.

As a program: one request per line of the input, as `litellm.completion` takes it, and
one line of the output for what came of it. It imports nothing but LiteLLM, for it
runs in an environment of LiteLLM's own.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version
from typing import Any

import litellm  # type: ignore[import-not-found]
import openai

GATEWAY = os.environ["GATEWAY_URL"]
BASES = {"openai": f"{GATEWAY}/v1", "anthropic": GATEWAY}


def play(request: dict[str, Any]) -> dict[str, Any]:
    dialect, _ = request["model"].split("/")
    asked = {"api_key": os.environ["GATEWAY_KEY"], "max_retries": 0, **request}
    try:
        answer = litellm.completion(api_base=BASES[dialect], **asked)
        if request["stream"]:
            answer = litellm.stream_chunk_builder(list(answer))
    except openai.APIError as error:
        failed: Any = error  # one of LiteLLM's own, which all have a status
        return {"error": type(failed).__name__, "status": failed.status_code}
    [choice] = answer.choices
    return {
        "message": choice.message.model_dump(exclude_none=True),
        "finish_reason": choice.finish_reason,
        "usage": answer.usage.model_dump(exclude_none=True),
    }


def main() -> None:
    litellm.suppress_debug_info = True  # it prints advice where the answers go
    print(json.dumps({"version": version("litellm")}), flush=True)
    for line in sys.stdin:
        print(json.dumps(play(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
