"""A plain client of the service, and botocore's reading of its frames."""

import http.client
import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.eventstream import EventStreamBuffer

from simulator.control import Control

STREAMING = "AmazonCodeWhispererStreamingService.GenerateAssistantResponse"
RUNTIME = "KiroRuntimeService.GenerateAssistantResponse"

Json = dict[str, Any]
Event = tuple[str, Json]


def conversation(content: str = "Weather in Oslo?", **user: Any) -> Json:
    """A legal body of one message."""
    return {
        "conversationState": {
            "conversationId": "8d3b58e2-5f9c-4c0c-9a55-0f8e8f3f6f01",
            "chatTriggerType": "MANUAL",
            "agentTaskType": "vibe",
            "agentContinuationId": "0c1d58e2-5f9c-4c0c-9a55-0f8e8f3f6f02",
            "currentMessage": {
                "userInputMessage": {
                    "content": content,
                    "modelId": "claude-sonnet-4.5",
                    "origin": "AI_EDITOR",
                    **user,
                }
            },
        }
    }


def tool(name: str, **schema: Any) -> Json:
    properties = {"type": "object", "properties": {"place": {"type": "string"}}}
    return {
        "toolSpecification": {
            "name": name,
            "description": f"The tool {name}",
            "inputSchema": {"json": properties | schema},
        }
    }


def tool_round_trip() -> Json:
    """A legal body in which a tool was used and has answered."""
    body = conversation("")
    state = body["conversationState"]
    use = {"toolUseId": "tooluse_1", "name": "weather", "input": {"place": "Oslo"}}
    state["history"] = [
        {"userInputMessage": {"content": "Weather in Oslo?"}},
        {"assistantResponseMessage": {"content": "", "toolUses": [use]}},
    ]
    result = {
        "toolUseId": "tooluse_1",
        "status": "success",
        "content": [{"text": "12 C, rain"}],
    }
    state["currentMessage"]["userInputMessage"]["userInputMessageContext"] = {
        "tools": [tool("weather")],
        "toolResults": [result],
    }
    return body


def changed(body: Json, path: str, value: Any) -> Json:
    """The body with one member set; "history/0/…" goes on from conversationState."""
    copy = deepcopy(body)
    *way, last = path.split("/")
    at: Any = copy if way[:1] == [""] else copy["conversationState"]
    for step in way[1:] if way[:1] == [""] else way:
        at = at[int(step)] if isinstance(at, list) else at[step]
    if isinstance(at, list):
        at[int(last)] = value
    else:
        at[last] = value
    return copy


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Json:
        read: Json = json.loads(self.body)
        return read

    def events(self) -> list[Event]:
        return list(read_events(self.body))

    def text(self) -> str:
        return "".join(
            payload["content"]
            for kind, payload in self.events()
            if kind == "assistantResponseEvent"
        )


def read_events(data: bytes) -> Iterator[Event]:
    """Type and payload of each frame; an exception by its exception type."""
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    for message in buffer:
        headers = message.headers
        kind = headers.get(":event-type") or headers.get(":exception-type")
        yield str(kind or headers[":error-code"]), json.loads(message.payload or "{}")


class Caller:
    def __init__(self, control: Control) -> None:
        self.control = control
        self.address = urlsplit(control.url).netloc

    def open(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> http.client.HTTPConnection:
        """A request on its way; the caller reads the answer and closes."""
        connection = http.client.HTTPConnection(self.address, timeout=20)
        connection.request(method, path, body, dict(headers))
        return connection

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = self.open(
            method, path, data, {"Content-Type": "application/json"} | (headers or {})
        )
        try:
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def bearer(self, account: str) -> dict[str, str]:
        token = self.control.issue_access_token(account)
        return {"Authorization": f"Bearer {token}"}

    def generate(
        self,
        body: Any = None,
        account: str = "alice",
        target: str | None = None,
        **headers: str,
    ) -> Answer:
        """By the REST path, or by a target at `POST /`."""
        sent = self.bearer(account) | headers
        if target is None:
            path = "/generateAssistantResponse"
        else:
            path = "/"
            sent["x-amz-target"] = target
            sent["Content-Type"] = "application/x-amz-json-1.0"
        return self.call("POST", path, conversation() if body is None else body, sent)

    def generate_on_kiro(self, body: Any = None, account: str = "alice") -> Answer:
        arn = self.control.account(account)["profile_arn"]
        sent = (conversation() if body is None else body) | {"profileArn": arn}
        return self.generate(sent, account, RUNTIME)
