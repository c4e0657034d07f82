"""What the service refuses in a GenerateAssistantResponse request.

Written from the protocol, not from the encoder: each rule here is a 400 there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MODEL_ID = re.compile(r"[a-zA-Z0-9_:.-]{1,1024}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
CONVERSATION_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
IMAGE_FORMATS = {"png", "jpeg", "gif", "webp"}
MAX_IMAGES = 10
MAX_DESCRIPTION = 10_240
MAX_PROPERTY_NAME = 64

TOP = {"conversationState", "profileArn", "additionalModelRequestFields"}
STATE = {
    "agentContinuationId",
    "agentTaskType",
    "chatTriggerType",
    "conversationId",
    "currentMessage",
    "history",
}
USER = {
    "content",
    "modelId",
    "origin",
    "images",
    "userInputMessageContext",
    "cachePoint",
}
ASSISTANT = {"content", "toolUses", "reasoningContent", "cachePoint"}
CACHE_POINT = {"cachePoint": {"type": "default"}}
MAX_CACHE_POINTS = 4


def check_request(request: Mapping[str, Any]) -> None:
    """Raises AssertionError for the first rule that is broken."""
    assert not list(_nulls(request)), "null for a member"
    assert request.keys() <= TOP
    state = request["conversationState"]
    assert state.keys() <= STATE
    assert state["chatTriggerType"] == "MANUAL"
    assert state["agentTaskType"] in ("vibe", "spectask")
    assert UUID.fullmatch(state["agentContinuationId"])
    assert CONVERSATION_ID.fullmatch(state["conversationId"])
    assert state.get("history", ["something"]), "an empty history"
    turns = [*state.get("history", []), state["currentMessage"]]
    _check_alternation(turns)
    _check_pairing(turns)
    for turn in turns[::2]:
        _check_user(turn["userInputMessage"])
    for turn in turns[1::2]:
        _check_assistant(turn["assistantResponseMessage"])
    for turn in turns[:-1:2]:
        context = turn["userInputMessage"].get("userInputMessageContext", {})
        assert "tools" not in context, "tool definitions in the history"
    _check_tools(turns)
    _check_cache_points(turns)


def _check_alternation(turns: list[Mapping[str, Any]]) -> None:
    for number, turn in enumerate(turns):
        expected = "assistantResponseMessage" if number % 2 else "userInputMessage"
        assert list(turn) == [expected], f"turn {number} is not the {expected}"
    assert len(turns) % 2, "the conversation ends with the assistant"


def _check_pairing(turns: list[Mapping[str, Any]]) -> None:
    """Each tool use is answered in the next turn, in the order of the calls."""
    asked: list[str] = []
    seen: set[str] = set()
    for turn in turns:
        if "userInputMessage" in turn:
            context = turn["userInputMessage"].get("userInputMessageContext", {})
            answered = [
                result["toolUseId"] for result in context.get("toolResults", [])
            ]
            assert answered == asked, f"asked {asked}, answered {answered}"
        else:
            uses = turn["assistantResponseMessage"].get("toolUses", [])
            asked = [use["toolUseId"] for use in uses]
            assert len(set(asked)) == len(asked), "one id twice in a message"
            assert not seen & set(asked), "one id twice in a conversation"
            seen |= set(asked)


def _check_user(message: Mapping[str, Any]) -> None:
    assert message.keys() <= USER
    assert isinstance(message["content"], str)
    assert MODEL_ID.fullmatch(message["modelId"])
    assert message["origin"] == "AI_EDITOR"
    context = message.get("userInputMessageContext", {"tools": []})
    assert context, "an empty context"
    assert context.keys() <= {"tools", "toolResults"}
    assert message["content"].strip() or context.get("toolResults"), "a blank turn"
    images = message.get("images", ["something"])
    assert 1 <= len(images) <= MAX_IMAGES
    for image in message.get("images", []):
        assert image.keys() == {"format", "source"}
        assert image["format"] in IMAGE_FORMATS
        assert list(image["source"]) == ["bytes"]
        assert isinstance(image["source"]["bytes"], str)
    assert context.get("toolResults", ["something"]), "an empty list of results"
    for result in context.get("toolResults", []):
        _check_result(result)


def _check_result(result: Mapping[str, Any]) -> None:
    assert result.keys() == {"toolUseId", "content", "status"}
    assert NAME.fullmatch(result["toolUseId"])
    assert result["status"] in ("success", "error")
    assert result["content"], "an empty result"
    for block in result["content"]:
        assert list(block) == ["text"]
        assert isinstance(block["text"], str)
        assert block["text"].strip(), "a blank result"


def _check_assistant(message: Mapping[str, Any]) -> None:
    assert message.keys() <= ASSISTANT
    assert isinstance(message["content"], str)
    assert message["content"].strip() or message.get("toolUses"), "an empty answer"
    assert message.get("toolUses", ["something"]), "an empty list of tool uses"
    for use in message.get("toolUses", []):
        assert use.keys() == {"toolUseId", "name", "input"}
        assert NAME.fullmatch(use["toolUseId"])
        assert NAME.fullmatch(use["name"])
        assert isinstance(use["input"], dict)
        assert "" not in use["input"], "a property without a name"
    match message.get("reasoningContent"):
        case None:
            pass
        case {"reasoningText": {"text": str(), "signature": str() as signature}}:
            assert signature, "reasoning without its signature"
        case {"redactedContent": str() as data}:
            assert data
        case other:
            raise AssertionError(f"reasoning of another shape: {other}")


def _check_tools(turns: list[Mapping[str, Any]]) -> None:
    current = turns[-1]["userInputMessage"]
    tools = current.get("userInputMessageContext", {}).get("tools")
    assert tools is None or tools, "an empty list of tools"
    names: set[str] = set()
    assert CACHE_POINT not in (tools or [])[:1], "a cache point behind nothing"
    for tool in tools or []:
        if tool == CACHE_POINT:
            continue
        assert list(tool) == ["toolSpecification"]
        specification = tool["toolSpecification"]
        assert specification.keys() == {"name", "description", "inputSchema"}
        name = specification["name"]
        assert NAME.fullmatch(name)
        assert len(name) < 64, "64 was seen refused"
        assert name.casefold() not in names, "two tools of one name"
        names.add(name.casefold())
        assert specification["description"].strip(), "an empty description"
        assert len(specification["description"]) <= MAX_DESCRIPTION
        assert list(specification["inputSchema"]) == ["json"]
        check_schema(specification["inputSchema"]["json"])
    for turn in turns[1::2]:
        for use in turn["assistantResponseMessage"].get("toolUses", []):
            assert use["name"].casefold() in names, "a tool that is not defined"


def _check_cache_points(turns: list[Mapping[str, Any]]) -> None:
    messages = [message for turn in turns for message in turn.values()]
    context = messages[-1].get("userInputMessageContext", {})
    holders = [*messages, *context.get("tools", [])]
    points = [item["cachePoint"] for item in holders if "cachePoint" in item]
    assert points == [CACHE_POINT["cachePoint"]] * len(points)
    assert len(points) <= MAX_CACHE_POINTS


def check_schema(schema: Mapping[str, Any]) -> None:
    assert schema["type"] == "object"
    assert isinstance(schema["properties"], dict)
    assert not schema.keys() & {"oneOf", "anyOf", "allOf"}, "alternatives at the top"
    _check_level(schema)


FORBIDDEN = {
    "$schema",
    "$id",
    "$ref",
    "$defs",
    "definitions",
    "strict",
    "additionalProperties",
}

TYPES = {"string", "number", "integer", "boolean", "object", "array", "null"}


def _check_level(schema: object) -> None:
    assert isinstance(schema, dict), "a subschema that is no object"
    assert not schema.keys() & FORBIDDEN, schema.keys() & FORBIDDEN
    properties = schema.get("properties", {})
    assert isinstance(properties, dict)
    for name, value in properties.items():
        assert len(name) <= MAX_PROPERTY_NAME
        _check_level(value)
    required = schema.get("required", ["something"])
    assert required, "an empty list of what is required"
    assert all(isinstance(name, str) for name in required)
    for keyword in ("exclusiveMinimum", "exclusiveMaximum"):
        assert isinstance(schema.get(keyword, True), bool)
    for keyword in ("minimum", "maximum"):
        bound = schema.get(keyword, 0)
        assert type(bound) in (int, float)
        assert abs(bound) < 2**31
    types = schema.get("type", "object")
    assert types, "an empty list of types"
    assert set([types] if isinstance(types, str) else types) <= TYPES
    for keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
        assert schema.get(keyword, ["something"]), f"an empty {keyword}"
        for value in schema.get(keyword, []):
            _check_level(value)
    for keyword in ("items", "not", "contains", "propertyNames"):
        if keyword in schema:
            _check_level(schema[keyword])


def _nulls(value: object, path: str = "") -> Iterator[str]:
    """Where null stands for a member of ours; inside an input or a schema it is
    the client's own value."""
    match value:
        case None:
            yield path
        case dict():
            for name, item in value.items():
                if name not in ("input", "json"):
                    yield from _nulls(item, f"{path}/{name}")
        case list():
            for item in value:
                yield from _nulls(item, path)


def texts_of(request: Mapping[str, Any]) -> str:
    """Everything a model can read in a request, for asking whether it is there."""
    return "\n".join(_strings(msgspec.to_builtins(request)))


def images_of(request: Mapping[str, Any]) -> list[str]:
    state = request["conversationState"]
    return [
        image["source"]["bytes"]
        for turn in [*state.get("history", []), state["currentMessage"]]
        for image in turn.get("userInputMessage", {}).get("images", [])
    ]


def _strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for name, item in value.items():
                yield str(name)
                yield from _strings(item)
        case list():
            for item in value:
                yield from _strings(item)
