"""One upstream answer told in three dialects: all say the same of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.control import Control
from simulator.scripts import ANSWERS, BROKEN
from tests.calls import caller
from tests.conftest import ACCOUNTS
from tests.processes import Gateway

MODEL = "claude-sonnet-4-20250514"
QUESTION = "What is the weather?"
TOOLS = {
    "get_weather": {"city": {"type": "string"}, "unit": {"type": "string"}},
    "get_time": {"zone": {"type": "string"}},
    "write_file": {"path": {"type": "string"}, "content": {"type": "string"}},
}
SCHEMAS = {
    name: {"type": "object", "properties": properties}
    for name, properties in TOOLS.items()
}

REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "anthropic": (
        "/v1/messages",
        {
            "model": MODEL,
            "max_tokens": 30_000,
            "messages": [{"role": "user", "content": QUESTION}],
            "tools": [
                {"name": name, "description": name, "input_schema": schema}
                for name, schema in SCHEMAS.items()
            ],
            "thinking": {"type": "adaptive"},
            "output_config": {"effort": "high"},
        },
    ),
    "chat": (
        "/v1/chat/completions",
        {
            "model": MODEL,
            "max_tokens": 30_000,
            "messages": [{"role": "user", "content": QUESTION}],
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": name,
                        "description": name,
                        "parameters": schema,
                    },
                }
                for name, schema in SCHEMAS.items()
            ],
            "reasoning_effort": "high",
        },
    ),
    "responses": (
        "/v1/responses",
        {
            "model": MODEL,
            "max_output_tokens": 30_000,
            "input": QUESTION,
            "tools": [
                {
                    "type": "function",
                    "name": name,
                    "description": name,
                    "parameters": schema,
                }
                for name, schema in SCHEMAS.items()
            ],
            "reasoning": {"effort": "high"},
            "store": False,
        },
    ),
}

ENDS = {
    "end_turn": "end",
    "stop": "end",
    "tool_use": "tools",
    "tool_calls": "tools",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "length": "length",
    "max_output_tokens": "length",
    "refusal": "refusal",
    "content_filter": "refusal",
}


@dataclass
class Told:
    """What a client has learnt of the answer."""

    status: int = 200
    text: str = ""
    thinking: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    end: str = ""
    output_tokens: int = field(default=0, compare=False)
    """0: not told, as an error takes the place of it."""


def data_of(stream: str) -> Iterator[dict[str, Any]]:
    for line in stream.splitlines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def anthropic_told(message: dict[str, Any]) -> Told:
    told = Told(end=ENDS[message["stop_reason"]])
    for block in message["content"]:
        match block["type"]:
            case "text":
                told.text += block["text"]
            case "thinking":
                told.thinking += block["thinking"]
            case "tool_use":
                told.calls.append((block["name"], block["input"]))
    told.output_tokens = message["usage"]["output_tokens"]
    return told


def anthropic_streamed(stream: str) -> Told:
    """Only blocks that were closed count: a client runs no other tool."""
    message: dict[str, Any] = {"content": []}
    block: dict[str, Any] = {}
    pieces = ""
    for event in data_of(stream):
        match event["type"]:
            case "content_block_start":
                block, pieces = event["content_block"], ""
            case "content_block_delta":
                delta = event["delta"]
                kind = delta["type"].removesuffix("_delta")
                if kind == "input_json":
                    pieces += delta["partial_json"]
                elif kind != "signature":
                    block[kind] += delta[kind]
            case "content_block_stop":
                if block["type"] == "tool_use":
                    block["input"] = json.loads(pieces or "{}")
                message["content"].append(block)
            case "message_delta":
                message |= {**event["delta"], "usage": event["usage"]}
            case "error":
                message |= {"stop_reason": "error", "usage": {"output_tokens": 0}}
    if message["stop_reason"] == "error":
        told = anthropic_told({**message, "stop_reason": "end_turn"})
        told.end = "error"
        return told
    return anthropic_told(message)


def chat_told(answer: dict[str, Any]) -> Told:
    [choice] = answer["choices"]
    message = choice["message"]
    return Told(
        text=message["content"] or "",
        thinking=message.get("reasoning_content", ""),
        calls=[
            (call["function"]["name"], json.loads(call["function"]["arguments"]))
            for call in message.get("tool_calls", ())
        ],
        end=ENDS[choice["finish_reason"]],
        output_tokens=answer["usage"]["completion_tokens"],
    )


def chat_streamed(stream: str) -> Told:
    told = Told()
    calls: list[list[str]] = []
    for chunk in data_of(stream):
        if error := chunk.get("error"):
            # Of a cut call, this API can say no better than that it failed.
            cut = "middle of a tool call" in error["message"]
            told.end = "length" if cut else "error"
            del calls[len(calls) - cut :]
            break
        if usage := chunk.get("usage"):
            told.output_tokens = usage["completion_tokens"]
        for choice in chunk["choices"]:
            delta = choice["delta"]
            told.text += delta.get("content") or ""
            told.thinking += delta.get("reasoning_content", "")
            for piece in delta.get("tool_calls", ()):
                function = piece["function"]
                if "name" in function:
                    calls.append([function["name"], ""])
                calls[piece["index"]][1] += function["arguments"]
            if reason := choice["finish_reason"]:
                told.end = ENDS[reason]
    if told.end != "error":
        told.calls = [(name, json.loads(arguments)) for name, arguments in calls]
    return told


def response_told(response: dict[str, Any]) -> Told:
    told = Told()
    for item in response["output"]:
        match item["type"]:
            case "message":
                told.text += "".join(part["text"] for part in item["content"])
            case "reasoning":
                told.thinking += "".join(part["text"] for part in item["summary"])
            case "function_call":
                told.calls.append((item["name"], json.loads(item["arguments"])))
    match response["status"]:
        case "completed":
            told.end = "tools" if told.calls else "end"
        case "incomplete":
            told.end = ENDS[response["incomplete_details"]["reason"]]
        case "failed":
            told.end = "error"
    if usage := response["usage"]:
        told.output_tokens = usage["output_tokens"]
    return told


def response_streamed(stream: str) -> Told:
    *events, last = data_of(stream)
    told = response_told(last["response"])
    if told.end == "error":
        # What was not done is not in the response; it was shown all the same.
        told.text = "".join(
            event["delta"]
            for event in events
            if event["type"] == "response.output_text.delta"
        )
    return told


READ = {
    "anthropic": (anthropic_told, anthropic_streamed),
    "chat": (chat_told, chat_streamed),
    "responses": (response_told, response_streamed),
}


def ask(http: httpx.Client, dialect: str, streamed: bool) -> Told:
    path, body = REQUESTS[dialect]
    body = {**body, "stream": streamed}
    if dialect == "chat" and streamed:
        body["stream_options"] = {"include_usage": True}
    answer = http.post(path, json=body)
    if answer.status_code != 200:
        assert answer.status_code != 500, answer.text
        return Told(answer.status_code, end="error")
    whole, stream = READ[dialect]
    told = stream(answer.text) if streamed else whole(answer.json())
    if told.end == "error":
        told.calls.clear()  # Chat cannot say which of them were whole
    return told


@pytest.mark.parametrize("script", [*ANSWERS, *BROKEN])
def test_three_dialects_tell_the_same(
    gateway: Gateway, upstream: Control, prepared: Path, script: str
):
    with caller(gateway) as http:
        for streamed in (False, True):
            gateway.restore_accounts(prepared)
            upstream.set_accounts(ACCOUNTS)
            told = []
            for dialect in REQUESTS:
                upstream.enqueue(script)
                told.append(ask(http, dialect, streamed))
            assert told[0] == told[1] == told[2]
            assert len({one.output_tokens for one in told if one.output_tokens}) <= 1
