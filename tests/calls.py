"""Plain HTTP calls to the gateway, and what its answers must look like."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.processes import SECONDS, Gateway

Json = dict[str, Any]

MODEL = "claude-sonnet-4-20250514"


def user(content: object) -> list[Json]:
    return [{"role": "user", "content": content}]


BODY: Json = {"model": MODEL, "max_tokens": 100, "messages": user("Hi")}
STREAMED = BODY | {"stream": True}


def caller(gateway: Gateway) -> httpx.Client:
    return httpx.Client(
        base_url=gateway.url,
        headers={"x-api-key": gateway.key},
        trust_env=False,
        timeout=SECONDS,
    )


def ask(gateway: Gateway, body: Json = BODY) -> httpx.Response:
    with caller(gateway) as http:
        return http.post("/v1/messages", json=body)


def events(stream: str) -> list[Json]:
    """The data of server-sent events; each names its type on both of its lines."""
    found = []
    for event in stream.removesuffix("\n\n").split("\n\n"):
        name, data = event.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


def text_of(answer: httpx.Response) -> str:
    """Of a good answer, streamed or not."""
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"] == "application/json":
        return "".join(block["text"] for block in answer.json()["content"])
    told = events(answer.text)
    assert told[-1] == {"type": "message_stop"}
    return "".join(event.get("delta", {}).get("text", "") for event in told)


def anthropic_error(answer: httpx.Response, status: int, kind: str) -> str:
    """The message of an error in the Messages API's shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body.keys() == {"type", "error", "request_id"}
    assert body["type"] == "error"
    assert body["error"].keys() == {"type", "message"}
    assert body["error"]["type"] == kind
    assert body["request_id"] == answer.headers["request-id"]
    message: str = body["error"]["message"]
    return message


def openai_error(answer: httpx.Response, status: int) -> Json:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    body = answer.json()
    assert body.keys() == {"error"}
    error: Json = body["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    return error
