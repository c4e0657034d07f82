"""Each rule: a legal body passes; with one thing broken, that rule refuses it."""

import base64
import json
import struct
from dataclasses import replace
from typing import Any

import pytest

from simulator.faults import Style
from simulator.models import MODELS
from simulator.rules import examine, refusal
from simulator.rules.breach import RULES, Breach
from simulator.rules.model import Known
from simulator.tests.caller import changed, conversation, tool, tool_round_trip

SIGNATURES = {"given-out", "cmVkYWN0ZWQ="}
# A window so wide that lengths are what is tested.
WIDE = replace(MODELS["claude-sonnet-4.5"], window=100_000_000)
KNOWN = Known(MODELS | {WIDE.id: WIDE}, WIDE, SIGNATURES)
CURRENT = "currentMessage/userInputMessage"
CONTEXT = f"{CURRENT}/userInputMessageContext"
SCHEMA = f"{CONTEXT}/tools/0/toolSpecification/inputSchema/json"


def png(width: int = 1, height: int = 1, size: int = 0) -> bytes:
    head = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height)
    return head.ljust(size, b"\0")


def jpeg(width: int, height: int) -> bytes:
    frame = b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", height, width)
    return b"\xff\xd8\xff\xe0\x00\x04\x00\x00" + frame


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height)


def webp(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0" + size


def image(image_format: str = "png", data: bytes | None = None) -> dict[str, Any]:
    encoded = base64.b64encode(png() if data is None else data).decode()
    return {"format": image_format, "source": {"bytes": encoded}}


def document(name: str, data: bytes = b"x") -> dict[str, Any]:
    encoded = base64.b64encode(data).decode()
    return {"name": name, "format": "txt", "source": {"bytes": encoded}}


def result(tool_use_id: str = "tooluse_1", text: str = "12 C") -> dict[str, Any]:
    return {"toolUseId": tool_use_id, "status": "success", "content": [{"text": text}]}


def use(tool_use_id: str = "tooluse_1", **members: Any) -> dict[str, Any]:
    return {"toolUseId": tool_use_id, "name": "weather", "input": {}} | members


def history(*messages: dict[str, Any]) -> dict[str, Any]:
    return changed(conversation(), "history", list(messages))


def user(content: str = "hello", **members: Any) -> dict[str, Any]:
    return {"userInputMessage": {"content": content} | members}


def assistant(content: str = "hello", **members: Any) -> dict[str, Any]:
    return {"assistantResponseMessage": {"content": content} | members}


def with_image(*images: dict[str, Any]) -> dict[str, Any]:
    return conversation(images=list(images))


def with_schema(path: str, value: Any) -> dict[str, Any]:
    return changed(tool_round_trip(), f"{SCHEMA}/{path}", value)


def with_fields(fields: dict[str, Any], model: str = "claude-sonnet-5") -> Any:
    return conversation(modelId=model) | {"additionalModelRequestFields": fields}


def reasoning(**content: Any) -> dict[str, Any]:
    return history(user(), assistant(reasoningContent=content))


TWO = tool_round_trip()
PLAIN = conversation()
LONG = 10_000_000

LEGAL = {
    "one message": PLAIN,
    "no conversation id": {
        "conversationState": {
            "chatTriggerType": "MANUAL",
            "currentMessage": {"userInputMessage": {"content": "hi"}},
        }
    },
    "a tool round trip": TWO,
    "a profile": PLAIN
    | {
        "profileArn": "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABCDEFGH1234"
    },
    "content of the greatest length": conversation("x" * LONG),
    "ten images": with_image(*[image()] * 10),
    "an image of each format": with_image(
        image("png", png(8000, 8000)),
        image("jpeg", jpeg(8000, 8000)),
        image("gif", gif(8000, 8000)),
        image("webp", webp(8000, 8000)),
    ),
    "a document": conversation(documents=[document("a"), document("b")]),
    "no words but a result": changed(TWO, f"{CURRENT}/content", ""),
    "a tool name of 64": changed(
        changed(
            TWO,
            f"{CONTEXT}/tools/0/toolSpecification/name",
            "x" * 64,
        ),
        "history/1/assistantResponseMessage/toolUses/0/name",
        "x" * 64,
    ),
    "a description of 10,240": changed(
        TWO, f"{CONTEXT}/tools/0/toolSpecification/description", "x" * 10_240
    ),
    "a tool without description": changed(
        TWO,
        f"{CONTEXT}/tools/0",
        {
            "toolSpecification": {
                "name": "weather",
                "inputSchema": {"json": {"type": "object", "properties": {}}},
            }
        },
    ),
    "a cache point among the tools": changed(
        TWO,
        f"{CONTEXT}/tools",
        [tool("weather"), {"cachePoint": {"type": "default"}}],
    ),
    "keywords of JSON schema": with_schema(
        "properties",
        {
            "a": {"type": ["string", "null"], "default": None, "const": None},
            "b": {"anyOf": [{"type": "integer", "minimum": 0}, {"$ref": "#/$defs/c"}]},
            "c": {"type": "array", "items": {"enum": [None, 1]}, "maxItems": 3},
            "x" * 64: True,
        },
    ),
    "results in another order": changed(
        changed(
            TWO,
            "history/1/assistantResponseMessage/toolUses",
            [use("one"), use("two")],
        ),
        f"{CONTEXT}/toolResults",
        [result("two"), result("one")],
    ),
    "a result as JSON": changed(
        TWO, f"{CONTEXT}/toolResults/0/content", [{"json": {"degrees": None}}]
    ),
    "signed reasoning": reasoning(
        reasoningText={"text": "hm", "signature": "given-out"}
    ),
    "redacted reasoning": reasoning(redactedContent="cmVkYWN0ZWQ="),
    "adaptive thinking": with_fields(
        {
            "thinking": {"type": "adaptive", "display": "summarized"},
            "output_config": {"effort": "xhigh"},
            "max_tokens": 64_000,
        }
    ),
    "GPT's reasoning": with_fields({"reasoning": {"effort": "none"}}, "gpt-5.6-sol"),
    "the state of the environment": changed(
        TWO,
        f"{CONTEXT}/envState",
        {"operatingSystem": "linux", "currentWorkingDirectory": "/x"},
    ),
}

BROKEN: list[tuple[str, str, Any]] = [
    ("system-prompt", "/systemPrompt", PLAIN | {"systemPrompt": "be kind"}),
    ("no-null", "/profileArn", PLAIN | {"profileArn": None}),
    ("no-null", "/other", PLAIN | {"other": None}),
    (
        "no-null",
        "/conversationState/history",
        changed(PLAIN, "history", None),
    ),
    ("required", "/conversationState", {}),
    (
        "required",
        "/conversationState/currentMessage",
        {"conversationState": {"chatTriggerType": "MANUAL"}},
    ),
    (
        "required",
        f"/conversationState/{CURRENT}/content",
        changed(PLAIN, CURRENT, {"modelId": "claude-sonnet-4.5"}),
    ),
    ("type", f"/conversationState/{CURRENT}/content", conversation(7)),  # type: ignore[arg-type]
    ("type", "/conversationState", {"conversationState": []}),
    ("type", "/conversationState/history", changed(PLAIN, "history", {})),
    (
        "type",
        f"/conversationState/{CURRENT}/clientCacheConfig/useClientCachingOnly",
        conversation(clientCacheConfig={"useClientCachingOnly": 1}),
    ),
    ("profile-arn", "/profileArn", PLAIN | {"profileArn": "arn:aws:iam::1:user/x"}),
    (
        "profile-arn",
        "/profileArn",
        PLAIN
        | {"profileArn": "arn:aws:codewhisperer:us-east-1:1:profile/ABCDEFGH1234"},
    ),
    (
        "chat-trigger-type",
        "/conversationState/chatTriggerType",
        changed(PLAIN, "chatTriggerType", "AUTO"),
    ),
    ("conversation-id", None, changed(PLAIN, "conversationId", "")),
    ("conversation-id", None, changed(PLAIN, "conversationId", "x" * 129)),
    ("agent-continuation-id", None, changed(PLAIN, "agentContinuationId", "x" * 35)),
    ("agent-continuation-id", None, changed(PLAIN, "agentContinuationId", "x" * 37)),
    ("agent-task-type", None, changed(PLAIN, "agentTaskType", "chat")),
    ("workspace-id", None, changed(PLAIN, "workspaceId", "x")),
    ("message-union", None, changed(PLAIN, "currentMessage", {})),
    (
        "message-union",
        None,
        changed(PLAIN, "currentMessage", {**user(), **assistant()}),
    ),
    ("user-content", None, conversation("x" * (LONG + 1))),
    ("model-id", None, conversation(modelId="")),
    ("model-id", None, conversation(modelId="claude sonnet")),
    ("model-id", None, conversation(modelId="x" * 1025)),
    ("origin", None, conversation(origin="KIRO")),
    ("cache-point", None, conversation(cachePoint={"type": "ephemeral"})),
    (
        "environment",
        None,
        changed(TWO, f"{CONTEXT}/envState", {"operatingSystem": "plan9"}),
    ),
    (
        "environment",
        None,
        changed(TWO, f"{CONTEXT}/envState", {"currentWorkingDirectory": "x" * 257}),
    ),
    (
        "environment",
        None,
        changed(
            TWO,
            f"{CONTEXT}/envState",
            {"environmentVariables": [{"key": "k", "value": "v"}] * 101},
        ),
    ),
    (
        "environment",
        None,
        changed(TWO, f"{CONTEXT}/envState", {"timezoneOffset": 1441}),
    ),
    (
        "additional-context",
        None,
        changed(
            TWO,
            f"{CONTEXT}/additionalContext",
            [{"name": "n", "description": "d"}] * 21,
        ),
    ),
    (
        "additional-context",
        None,
        changed(
            TWO,
            f"{CONTEXT}/additionalContext",
            [{"name": "n", "description": "d" * 1025}],
        ),
    ),
    ("message-id", None, history(user(), assistant(messageId="x" * 129))),
    ("link-count", None, history(user(), assistant(references=[{}] * 11))),
    ("image-count", None, with_image(*[image()] * 11)),
    ("image-format", None, with_image(image("jpg", jpeg(1, 1)))),
    (
        "image-bytes",
        None,
        with_image({"format": "png", "source": {"bytes": "not base64!"}}),
    ),
    ("image-size", None, with_image({"format": "png", "source": {"bytes": ""}})),
    ("image-size", None, with_image(image("png", png(size=LONG + 1)))),
    ("image-mime", None, with_image(image("jpeg", png()))),
    ("image-mime", None, history(user(images=[image("gif", png())]), assistant())),
    ("image-dimension", None, with_image(image("png", png(8001, 1)))),
    ("image-dimension", None, with_image(image("jpeg", jpeg(1, 8001)))),
    ("image-dimension", None, with_image(image("gif", gif(8001, 1)))),
    ("image-dimension", None, with_image(image("webp", webp(1, 8001)))),
    (
        "document-format",
        None,
        conversation(documents=[document("a") | {"format": "exe"}]),
    ),
    ("document-bytes", None, conversation(documents=[document("a", b"")])),
    ("document-name", None, conversation(documents=[document("a"), document("a")])),
    ("tool-union", None, changed(TWO, f"{CONTEXT}/tools/0", {})),
    (
        "tool-name",
        None,
        changed(TWO, f"{CONTEXT}/tools/0/toolSpecification/name", "x" * 65),
    ),
    (
        "tool-name",
        None,
        changed(TWO, f"{CONTEXT}/tools/0/toolSpecification/name", "a.b"),
    ),
    (
        "tool-description",
        None,
        changed(TWO, f"{CONTEXT}/tools/0/toolSpecification/description", ""),
    ),
    (
        "tool-description",
        None,
        changed(TWO, f"{CONTEXT}/tools/0/toolSpecification/description", "x" * 10_241),
    ),
    (
        "tool-duplicate",
        None,
        changed(TWO, f"{CONTEXT}/tools", [tool("weather"), tool("Weather")]),
    ),
    ("schema-object", None, with_schema("type", "string")),
    ("schema-object", None, changed(TWO, SCHEMA, {"properties": {}})),
    ("schema-object", None, changed(TWO, SCHEMA, [])),
    ("schema-properties", None, changed(TWO, SCHEMA, {"type": "object"})),
    ("schema-properties", None, with_schema("properties", None)),
    (
        "schema-properties",
        None,
        with_schema("properties/place", {"type": "object", "properties": None}),
    ),
    ("schema-required", None, with_schema("required", None)),
    ("schema-required", None, with_schema("required", ["place", 1])),
    ("schema-required", None, with_schema("required", ["place", "place"])),
    ("schema-combinators", None, with_schema("oneOf", [{"type": "object"}])),
    ("schema-combinators", None, with_schema("anyOf", [{"type": "object"}])),
    ("schema-combinators", None, with_schema("allOf", [{"type": "object"}])),
    (
        "schema-dialect",
        None,
        with_schema("$schema", "https://json-schema.org/draft/2020-12/schema"),
    ),
    (
        "schema-bounds",
        None,
        with_schema("properties/place", {"type": "integer", "exclusiveMinimum": 0}),
    ),
    (
        "schema-bounds",
        None,
        with_schema("properties/place", {"type": "integer", "maximum": 2**31}),
    ),
    (
        "schema-property-name",
        None,
        with_schema("properties", {"x" * 65: {"type": "string"}}),
    ),
    ("schema-keyword", None, with_schema("properties/place", "string")),
    ("schema-keyword", None, with_schema("properties/place", {"type": "text"})),
    ("schema-keyword", None, with_schema("properties/place", {"type": None})),
    ("schema-keyword", None, with_schema("properties/place", {"anyOf": []})),
    (
        "tools-on-current",
        None,
        history(user(userInputMessageContext={"tools": [tool("x")]}), assistant()),
    ),
    ("tool-config", None, changed(TWO, f"{CONTEXT}/tools", [])),
    ("tool-declared", None, changed(TWO, f"{CONTEXT}/tools", [tool("other")])),
    (
        "tool-use-id",
        None,
        changed(TWO, "history/1/assistantResponseMessage/toolUses", [use("tooluse 1")]),
    ),
    ("tool-use-id", None, changed(TWO, f"{CONTEXT}/toolResults/0/toolUseId", "")),
    (
        "tool-use-id",
        None,
        changed(TWO, f"{CONTEXT}/toolResults/0/toolUseId", "x" * 65),
    ),
    (
        "tool-use-input",
        None,
        changed(
            TWO, "history/1/assistantResponseMessage/toolUses/0/input", '{"place": 1}'
        ),
    ),
    (
        "tool-use-input-key",
        None,
        changed(TWO, "history/1/assistantResponseMessage/toolUses/0/input", {"": 1}),
    ),
    (
        "tool-use-duplicate",
        None,
        changed(
            TWO, "history/1/assistantResponseMessage/toolUses", [use(), use(input={})]
        ),
    ),
    ("result-status", None, changed(TWO, f"{CONTEXT}/toolResults/0/status", "failed")),
    (
        "result-union",
        None,
        changed(TWO, f"{CONTEXT}/toolResults/0/content", [{"image": {}}]),
    ),
    (
        "result-text",
        None,
        changed(TWO, f"{CONTEXT}/toolResults", [result(text="x" * (LONG + 1))]),
    ),
    ("result-empty", None, changed(TWO, f"{CONTEXT}/toolResults/0/content", [])),
    ("result-empty", None, changed(TWO, f"{CONTEXT}/toolResults", [result(text="")])),
    ("history-empty", "/conversationState/history", changed(PLAIN, "history", [])),
    ("current-is-user", None, changed(PLAIN, "currentMessage", assistant())),
    (
        "starts-with-user",
        "/conversationState/history/0",
        history(assistant(), user(), assistant()),
    ),
    ("alternation", "/conversationState/currentMessage", history(user())),
    (
        "alternation",
        "/conversationState/history/2",
        history(user(), assistant(), assistant()),
    ),
    ("user-blank", None, conversation("  \n")),
    ("user-blank", None, conversation("", images=[image()])),
    ("user-blank", None, history(user(""), assistant())),
    (
        "results-without-uses",
        None,
        conversation(userInputMessageContext={"toolResults": [result()]}),
    ),
    (
        "results-without-uses",
        None,
        changed(TWO, "history/1", assistant()),
    ),
    (
        "result-missing",
        None,
        changed(
            TWO, "history/1/assistantResponseMessage/toolUses", [use(), use("other")]
        ),
    ),
    ("result-missing", None, changed(TWO, CURRENT, {"content": "never mind"})),
    (
        "result-unknown",
        None,
        changed(TWO, f"{CONTEXT}/toolResults", [result(), result("stranger")]),
    ),
    (
        "result-repeated",
        None,
        changed(TWO, f"{CONTEXT}/toolResults", [result(), result()]),
    ),
    ("reasoning-union", None, reasoning()),
    (
        "reasoning-signature",
        None,
        reasoning(reasoningText={"text": "hm", "signature": "made up"}),
    ),
    ("reasoning-signature", None, reasoning(reasoningText={"text": "hm"})),
    ("reasoning-signature", None, reasoning(redactedContent="bWFkZSB1cA==")),
    ("model-fields", None, with_fields({"thinking": {"type": "enabled"}})),
    ("model-fields", None, with_fields({"temperature": 1})),
    ("model-fields", None, with_fields({"max_tokens": 1023})),
    ("model-fields", None, with_fields({"max_tokens": 64_001})),
    ("model-fields", None, with_fields({"output_config": {"effort": "huge"}})),
    ("model-fields", None, with_fields({}, "claude-haiku-4.5")),
    ("model-fields", None, with_fields({"reasoning": {"effort": "low"}})),
    (
        "model-fields",
        None,
        with_fields({"output_config": {"effort": "xhigh"}}, "claude-sonnet-4.6"),
    ),
    (
        "model-fields",
        "/additionalModelRequestFields/output_config",
        with_fields({"output_config": {"effort": "low"}}, "claude-opus-4.6"),
    ),
    ("model-listed", None, conversation(modelId="claude-opus-9")),
    ("input-length", None, conversation("x" * 800_001, modelId="claude-haiku-4.5")),
]

# Looked at by the service itself, in test_chat and test_management.
ELSEWHERE = {"content-type", "body-json", "query"}


def breaches(body: dict[str, Any], style: Style = "rest") -> list[Breach]:
    return examine(body, len(json.dumps(body)), KNOWN, style=style).breaches


@pytest.mark.parametrize("name", LEGAL)
def test_a_legal_body_passes(name):
    assert breaches(LEGAL[name]) == []


@pytest.mark.parametrize(
    ("rule", "path", "body"),
    BROKEN,
    ids=[f"{row[0]}-{i}" for i, row in enumerate(BROKEN)],
)
def test_one_broken_thing_is_refused_by_its_rule(rule, path, body):
    first = breaches(body)[0]
    assert first.rule == rule
    assert path in (None, first.path)


def test_the_agent_mode_is_a_member_only_where_it_is_no_header():
    body = PLAIN | {"agentMode": "chat"}
    assert [breach.rule for breach in breaches(body, "kiro")] == ["agent-mode"]
    assert examine(body, 0, KNOWN).unknown == ["/agentMode"]


def test_unknown_members_are_noted_and_no_breach():
    body = changed(TWO, f"{CONTEXT}/toolResults/0/isError", False)
    found = examine(body | {"inferenceConfig": {}}, 0, KNOWN)
    assert found.breaches == []
    assert found.unknown == [
        f"/conversationState/{CONTEXT}/toolResults/0/isError",
        "/inferenceConfig",
    ]


def test_every_rule_has_a_case():
    assert {rule for rule, _, _ in BROKEN} | ELSEWHERE | {"agent-mode"} == RULES.keys()


@pytest.mark.parametrize("rule", RULES)
def test_the_older_hosts_say_little_and_the_newer_ones_name_reason_or_field(rule):
    path = "/conversationState/somewhere"
    older = refusal(Breach(rule, path), "rest")
    newer = refusal(Breach(rule, path), "kiro")
    assert older.status == newer.status == 400
    if RULES[rule].legacy:
        assert older.reason == RULES[rule].reason
    else:
        assert older.message == "Improperly formed request."
        assert older.reason is None
    if RULES[rule].reason is None:
        assert newer.members["fieldList"][0]["path"] == path
    else:
        assert newer.reason == RULES[rule].reason
    assert refusal(Breach(rule, path), "json").reason is not None
