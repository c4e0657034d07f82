"""What the gateway says to requests that it cannot serve, and what it never says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest

from simulator.control import Control
from tests.calls import BODY, MODEL, anthropic_error, caller, user
from tests.conftest import StartGateway
from tests.processes import SECONDS, Gateway


@pytest.fixture
def http(gateway: Gateway) -> Iterator[httpx.Client]:
    with caller(gateway) as client:
        yield client


# Bodies


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"model": "claude',
        b'{"model": "x"} and more',
        b"\xff\xfe\x00",
        b'{"model": "\xc3\x28"}',
        b"[1, 2, 3]",
        b'"text"',
        b"null",
        b'{"model": NaN}',
    ],
)
def test_what_is_not_a_json_object_is_refused(
    http: httpx.Client, path: str, body: bytes
):
    assert anthropic_error(http.post(path, content=body), 400, "invalid_request_error")


@pytest.mark.parametrize("depth", [2_000, 200_000])
@pytest.mark.parametrize(
    "around",
    [
        '{"model": "m", "messages": %s}',
        '{"model": "m", "messages": [], "field_we_do_not_know": %s}',
        '{"model": "m", "messages": [{"role": "user", "content": [%s]}]}',
        '{"model": "m", "messages": [{"role": "user", "content": [{"type": %s}]}]}',
    ],
)
def test_json_nested_too_deep_is_refused(http: httpx.Client, around: str, depth: int):
    deep = '{"a":[' * depth + "]}" * depth
    response = http.post("/v1/messages", content=around % deep)
    assert anthropic_error(response, 400, "invalid_request_error")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model": 7}, "model: "),
        ({"model": None}, "model: "),
        ({"messages": "Hi"}, "messages: "),
        ({"messages": []}, "messages: "),
        ({"messages": ["Hi"]}, "messages.0: "),
        ({"messages": [{"role": "robot", "content": "Hi"}]}, "messages.0.role: "),
        ({"messages": [{"role": "user"}]}, "messages.0"),
        ({"messages": [{"content": "Hi"}]}, "messages.0"),
        ({"messages": user(5)}, "messages.0.content: "),
        ({"messages": user(["Hi"])}, "messages.0.content.0: "),
        ({"messages": user([{"type": "text"}])}, "messages.0.content.0: "),
        (
            {"messages": user([{"type": "text", "text": 5}])},
            "messages.0.content.0.text: ",
        ),
        ({"messages": user([{"type": "image"}])}, "messages.0.content.0: "),
        (
            {"messages": user([{"type": "image", "source": {"type": "base64"}}])},
            "messages.0.content.0.source",
        ),
        (
            {
                "messages": user(
                    [
                        {"type": "text", "text": "See:"},
                        {
                            "type": "image",
                            "source": {"type": "url", "url": "https://a.example/b.png"},
                        },
                    ]
                )
            },
            "messages.0.content.1.source",
        ),
        ({"max_tokens": "many"}, "max_tokens: "),
        ({"max_tokens": 1.5}, "max_tokens: "),
        ({"max_tokens": -1}, "max_tokens: "),
        ({"stream": "yes"}, "stream: "),
        ({"system": 3}, "system: "),
        ({"system": [{"type": "text", "text": None}]}, "system"),
        ({"temperature": "hot"}, "temperature: "),
        ({"stop_sequences": "END"}, "stop_sequences: "),
        ({"stop_sequences": ["END", 1]}, "stop_sequences.1: "),
        ({"tools": {}}, "tools: "),
        ({"tools": [{"name": 1}]}, "tools.0.name: "),
        ({"tools": [{"name": "f", "input_schema": []}]}, "tools.0.input_schema: "),
        ({"tools": [{"name": "f"}, {"name": "f"}]}, "tools.1"),
        ({"tools": [{"type": "computer_20250124", "name": "computer"}]}, "tools.0"),
        ({"tool_choice": "auto"}, "tool_choice: "),
        ({"mcp_servers": [{"url": "https://a.example"}]}, "mcp_servers: "),
        ({"container": {"skills": []}}, "container: "),
        ({"thread": {"type": "continue"}}, "thread"),
        ({"compaction": {"type": "summarize"}}, "compaction: "),
    ],
)
def test_a_wrong_field_is_refused_by_its_path(
    http: httpx.Client, change: dict[str, Any], named: str
):
    response = http.post("/v1/messages", json=BODY | change)
    message = anthropic_error(response, 400, "invalid_request_error")
    assert message.startswith(named)


@pytest.mark.parametrize("missing", ["model", "messages"])
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_a_missing_field_is_named(http: httpx.Client, path: str, missing: str):
    body = {name: value for name, value in BODY.items() if name != missing}
    message = anthropic_error(http.post(path, json=body), 400, "invalid_request_error")
    assert missing in message


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_a_model_of_another_family_is_not_found_and_the_known_ones_are_named(
    http: httpx.Client, path: str
):
    response = http.post(path, json=BODY | {"model": "gemini-pro"})
    message = anthropic_error(response, 404, "not_found_error")
    assert message.startswith("model: gemini-pro")
    assert MODEL in message


# Sizes


@pytest.fixture
def narrow(start_gateway: StartGateway) -> Gateway:
    return start_gateway(MAX_BODY_BYTES="5000", UPLOAD_TIMEOUT="1")


def spaces(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b" " * 100


@pytest.mark.parametrize(
    "oversized",
    [lambda: b" " * 5001, lambda: b" " * 5_000_000, lambda: spaces(51)],
    ids=["by a byte", "by much", "while it arrives"],
)
def test_a_body_over_the_limit_is_too_large(
    narrow: Gateway, oversized: Callable[[], bytes | Iterator[bytes]]
):
    with caller(narrow) as http:
        answer = http.post("/v1/messages", content=oversized())
        assert "5000" in anthropic_error(answer, 413, "request_too_large")
    # Refused once, and then nobody looks at it any more.
    assert narrow.stop() == 0
    assert narrow.log.count("/v1/messages") == 1


def test_a_body_at_the_limit_is_read(narrow: Gateway):
    text = json.dumps(BODY)
    with caller(narrow) as http:
        answer = http.post("/v1/messages/count_tokens", content=f"{text:5000}")
    assert answer.json()["input_tokens"] > 0


def test_an_upload_that_takes_too_long_is_given_up(narrow: Gateway):
    connection = HTTPConnection("127.0.0.1", narrow.port, timeout=SECONDS)
    with closing(connection):
        connection.putrequest("POST", "/v1/messages")
        connection.putheader("Content-Length", "100")
        connection.endheaders(b"{")
        answer = connection.getresponse()
        assert answer.status == 408
        assert json.load(answer)["error"]["type"] == "timeout_error"


# Silence


def test_nothing_of_a_request_or_a_credential_is_logged(
    start_gateway: StartGateway, upstream: Control
):
    gateway = start_gateway(LOG_LEVEL="debug")
    canaries = {
        place: f"canary-in-{place}-0123456789"
        for place in ("system", "prompt", "tool", "reply", "wrong-key", "bad-body")
    }
    body = BODY | {
        "system": canaries["system"],
        "messages": user(canaries["prompt"]),
        "tools": [
            {
                "name": "f",
                "description": canaries["tool"],
                "input_schema": {"type": "object"},
            }
        ],
    }
    upstream.enqueue(
        {"steps": [{"text": canaries["reply"]}]},
        {"steps": [{"text": canaries["reply"]}]},
        {"http": {"status": 500, "body": {"message": canaries["reply"]}}},
    )
    with caller(gateway) as http:
        for stream in (True, False, False):
            assert http.post("/v1/messages", json=body | {"stream": stream}).is_success
        http.post("/v1/messages", json=body | {"stream": canaries["bad-body"]})
        http.post("/v1/messages", content=canaries["bad-body"])
        http.get("/v1/models", headers={"x-api-key": canaries["wrong-key"]})
    gateway.stop()
    secrets = [gateway.key, "aorFirst", "aorSecond", "aorThird", "third-secret"]
    account = upstream.account("first")
    secrets += [account["access_token"], account["refresh_token"]]
    said = gateway.log
    assert "/v1/messages" in said
    for secret in [*canaries.values(), *secrets]:
        assert secret not in said
