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
ARN = "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABCDEFGH1234"
# A window so wide that lengths are what is tested.
WIDE = replace(MODELS["claude-sonnet-4.5"], window=100_000_000)
KNOWN = Known(MODELS | {WIDE.id: WIDE}, WIDE, SIGNATURES)
CURRENT = "currentMessage/userInputMessage"
CONTEXT = f"{CURRENT}/userInputMessageContext"
RESULTS = f"{CONTEXT}/toolResults"
ENV = f"{CONTEXT}/envState"
MORE = f"{CONTEXT}/additionalContext"
SPEC = f"{CONTEXT}/tools/0/toolSpecification"
SCHEMA = f"{SPEC}/inputSchema/json"
USES = "history/1/assistantResponseMessage/toolUses"


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
    "a profile": PLAIN | {"profileArn": ARN},
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
            f"{SPEC}/name",
            "x" * 64,
        ),
        f"{USES}/0/name",
        "x" * 64,
    ),
    "a description of 10,240": changed(TWO, f"{SPEC}/description", "x" * 10_240),
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
            USES,
            [use("one"), use("two")],
        ),
        RESULTS,
        [result("two"), result("one")],
    ),
    "a result as JSON": changed(
        TWO, f"{RESULTS}/0/content", [{"json": {"degrees": None}}]
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
        ENV,
        {"operatingSystem": "linux", "currentWorkingDirectory": "/x"},
    ),
}

BROKEN: list[tuple[str, Any]] = [
    ("system-prompt", PLAIN | {"systemPrompt": "be kind"}),
    ("no-null", PLAIN | {"profileArn": None}),
    ("no-null", PLAIN | {"other": None}),
    ("no-null", changed(PLAIN, "history", None)),
    ("required", {}),
    ("required", {"conversationState": {"chatTriggerType": "MANUAL"}}),
    ("required", changed(PLAIN, CURRENT, {"modelId": "claude-sonnet-4.5"})),
    ("type", changed(PLAIN, f"{CURRENT}/content", 7)),
    ("type", {"conversationState": []}),
    ("type", changed(PLAIN, "history", {})),
    ("type", conversation(clientCacheConfig={"useClientCachingOnly": 1})),
    ("profile-arn", PLAIN | {"profileArn": "arn:aws:iam::1:user/x"}),
    (
        "profile-arn",
        PLAIN
        | {"profileArn": "arn:aws:codewhisperer:us-east-1:1:profile/ABCDEFGH1234"},
    ),
    ("chat-trigger-type", changed(PLAIN, "chatTriggerType", "AUTO")),
    ("conversation-id", changed(PLAIN, "conversationId", "")),
    ("conversation-id", changed(PLAIN, "conversationId", "x" * 129)),
    ("agent-continuation-id", changed(PLAIN, "agentContinuationId", "x" * 35)),
    ("agent-continuation-id", changed(PLAIN, "agentContinuationId", "x" * 37)),
    ("agent-task-type", changed(PLAIN, "agentTaskType", "chat")),
    ("workspace-id", changed(PLAIN, "workspaceId", "x")),
    ("message-union", changed(PLAIN, "currentMessage", {})),
    ("message-union", changed(PLAIN, "currentMessage", {**user(), **assistant()})),
    ("user-content", conversation("x" * (LONG + 1))),
    ("model-id", conversation(modelId="")),
    ("model-id", conversation(modelId="claude sonnet")),
    ("model-id", conversation(modelId="x" * 1025)),
    ("origin", conversation(origin="KIRO")),
    ("cache-point", conversation(cachePoint={"type": "ephemeral"})),
    ("environment", changed(TWO, ENV, {"operatingSystem": "plan9"})),
    (
        "environment",
        changed(TWO, ENV, {"currentWorkingDirectory": "x" * 257}),
    ),
    (
        "environment",
        changed(
            TWO,
            ENV,
            {"environmentVariables": [{"key": "k", "value": "v"}] * 101},
        ),
    ),
    ("environment", changed(TWO, ENV, {"timezoneOffset": 1441})),
    (
        "additional-context",
        changed(
            TWO,
            MORE,
            [{"name": "n", "description": "d"}] * 21,
        ),
    ),
    (
        "additional-context",
        changed(
            TWO,
            MORE,
            [{"name": "n", "description": "d" * 1025}],
        ),
    ),
    ("message-id", history(user(), assistant(messageId="x" * 129))),
    ("link-count", history(user(), assistant(references=[{}] * 11))),
    ("image-count", with_image(*[image()] * 11)),
    ("image-format", with_image(image("jpg", jpeg(1, 1)))),
    ("image-bytes", with_image({"format": "png", "source": {"bytes": "not base64!"}})),
    ("image-size", with_image({"format": "png", "source": {"bytes": ""}})),
    ("image-size", with_image(image("png", png(size=LONG + 1)))),
    ("image-mime", with_image(image("jpeg", png()))),
    ("image-mime", history(user(images=[image("gif", png())]), assistant())),
    ("image-dimension", with_image(image("png", png(8001, 1)))),
    ("image-dimension", with_image(image("jpeg", jpeg(1, 8001)))),
    ("image-dimension", with_image(image("gif", gif(8001, 1)))),
    ("image-dimension", with_image(image("webp", webp(1, 8001)))),
    ("document-format", conversation(documents=[document("a") | {"format": "exe"}])),
    ("document-bytes", conversation(documents=[document("a", b"")])),
    ("document-name", conversation(documents=[document("a"), document("a")])),
    ("tool-union", changed(TWO, f"{CONTEXT}/tools/0", {})),
    ("tool-name", changed(TWO, f"{SPEC}/name", "x" * 65)),
    ("tool-name", changed(TWO, f"{SPEC}/name", "a.b")),
    (
        "tool-description",
        changed(TWO, f"{SPEC}/description", ""),
    ),
    (
        "tool-description",
        changed(TWO, f"{SPEC}/description", "x" * 10_241),
    ),
    (
        "tool-duplicate",
        changed(TWO, f"{CONTEXT}/tools", [tool("weather"), tool("Weather")]),
    ),
    ("schema-object", with_schema("type", "string")),
    ("schema-object", changed(TWO, SCHEMA, {"properties": {}})),
    ("schema-object", changed(TWO, SCHEMA, [])),
    ("schema-properties", changed(TWO, SCHEMA, {"type": "object"})),
    ("schema-properties", with_schema("properties", None)),
    (
        "schema-properties",
        with_schema("properties/place", {"type": "object", "properties": None}),
    ),
    ("schema-required", with_schema("required", None)),
    ("schema-required", with_schema("required", ["place", 1])),
    ("schema-required", with_schema("required", ["place", "place"])),
    ("schema-combinators", with_schema("oneOf", [{"type": "object"}])),
    ("schema-combinators", with_schema("anyOf", [{"type": "object"}])),
    ("schema-combinators", with_schema("allOf", [{"type": "object"}])),
    (
        "schema-dialect",
        with_schema("$schema", "https://json-schema.org/draft/2020-12/schema"),
    ),
    (
        "schema-bounds",
        with_schema("properties/place", {"type": "integer", "exclusiveMinimum": 0}),
    ),
    (
        "schema-bounds",
        with_schema("properties/place", {"type": "integer", "maximum": 2**31}),
    ),
    ("schema-property-name", with_schema("properties", {"x" * 65: {"type": "string"}})),
    ("schema-keyword", with_schema("properties/place", "string")),
    ("schema-keyword", with_schema("properties/place", {"type": "text"})),
    ("schema-keyword", with_schema("properties/place", {"type": None})),
    ("schema-keyword", with_schema("properties/place", {"anyOf": []})),
    (
        "tools-on-current",
        history(user(userInputMessageContext={"tools": [tool("x")]}), assistant()),
    ),
    ("tool-config", changed(TWO, f"{CONTEXT}/tools", [])),
    ("tool-declared", changed(TWO, f"{CONTEXT}/tools", [tool("other")])),
    (
        "tool-use-id",
        changed(TWO, USES, [use("tooluse 1")]),
    ),
    ("tool-use-id", changed(TWO, f"{RESULTS}/0/toolUseId", "")),
    ("tool-use-id", changed(TWO, f"{RESULTS}/0/toolUseId", "x" * 65)),
    (
        "tool-use-input",
        changed(TWO, f"{USES}/0/input", '{"place": 1}'),
    ),
    (
        "tool-use-input-key",
        changed(TWO, f"{USES}/0/input", {"": 1}),
    ),
    (
        "tool-use-duplicate",
        changed(TWO, USES, [use(), use(input={})]),
    ),
    ("result-status", changed(TWO, f"{RESULTS}/0/status", "failed")),
    ("result-union", changed(TWO, f"{RESULTS}/0/content", [{"image": {}}])),
    (
        "result-text",
        changed(TWO, RESULTS, [result(text="x" * (LONG + 1))]),
    ),
    ("result-empty", changed(TWO, f"{RESULTS}/0/content", [])),
    ("result-empty", changed(TWO, RESULTS, [result(text="")])),
    ("history-empty", changed(PLAIN, "history", [])),
    ("current-is-user", changed(PLAIN, "currentMessage", assistant())),
    ("starts-with-user", history(assistant(), user(), assistant())),
    ("alternation", history(user())),
    ("alternation", history(user(), assistant(), assistant())),
    ("user-blank", conversation("  \n")),
    ("user-blank", conversation("", images=[image()])),
    ("user-blank", history(user(""), assistant())),
    (
        "results-without-uses",
        conversation(userInputMessageContext={"toolResults": [result()]}),
    ),
    ("results-without-uses", changed(TWO, "history/1", assistant())),
    (
        "result-missing",
        changed(TWO, USES, [use(), use("other")]),
    ),
    ("result-missing", changed(TWO, CURRENT, {"content": "never mind"})),
    (
        "result-unknown",
        changed(TWO, RESULTS, [result(), result("stranger")]),
    ),
    ("result-repeated", changed(TWO, RESULTS, [result(), result()])),
    ("reasoning-union", reasoning()),
    (
        "reasoning-signature",
        reasoning(reasoningText={"text": "hm", "signature": "made up"}),
    ),
    ("reasoning-signature", reasoning(reasoningText={"text": "hm"})),
    ("reasoning-signature", reasoning(redactedContent="bWFkZSB1cA==")),
    ("model-fields", with_fields({"thinking": {"type": "enabled"}})),
    ("model-fields", with_fields({"temperature": 1})),
    ("model-fields", with_fields({"max_tokens": 1023})),
    ("model-fields", with_fields({"max_tokens": 64_001})),
    ("model-fields", with_fields({"output_config": {"effort": "huge"}})),
    ("model-fields", with_fields({}, "claude-haiku-4.5")),
    ("model-fields", with_fields({"reasoning": {"effort": "low"}})),
    (
        "model-fields",
        with_fields({"output_config": {"effort": "xhigh"}}, "claude-sonnet-4.6"),
    ),
    (
        "model-fields",
        with_fields({"output_config": {"effort": "low"}}, "claude-opus-4.6"),
    ),
    ("model-listed", conversation(modelId="claude-opus-9")),
    ("input-length", conversation("x" * 800_001, modelId="claude-haiku-4.5")),
]

# The same, where the path of the fault is what matters.
PATHS: list[tuple[str, Any]] = [
    ("/systemPrompt", PLAIN | {"systemPrompt": "be kind"}),
    ("/profileArn", PLAIN | {"profileArn": None}),
    ("/other", PLAIN | {"other": None}),
    ("/conversationState/history", changed(PLAIN, "history", None)),
    ("/conversationState", {}),
    (
        "/conversationState/currentMessage",
        {"conversationState": {"chatTriggerType": "MANUAL"}},
    ),
    (
        f"/conversationState/{CURRENT}/content",
        changed(PLAIN, CURRENT, {"modelId": "claude-sonnet-4.5"}),
    ),
    (f"/conversationState/{CURRENT}/content", changed(PLAIN, f"{CURRENT}/content", 7)),
    ("/conversationState", {"conversationState": []}),
    ("/conversationState/history", changed(PLAIN, "history", {})),
    (
        f"/conversationState/{CURRENT}/clientCacheConfig/useClientCachingOnly",
        conversation(clientCacheConfig={"useClientCachingOnly": 1}),
    ),
    ("/profileArn", PLAIN | {"profileArn": "arn:aws:iam::1:user/x"}),
    (
        "/profileArn",
        PLAIN
        | {"profileArn": "arn:aws:codewhisperer:us-east-1:1:profile/ABCDEFGH1234"},
    ),
    ("/conversationState/chatTriggerType", changed(PLAIN, "chatTriggerType", "AUTO")),
    ("/conversationState/history", changed(PLAIN, "history", [])),
    ("/conversationState/history/0", history(assistant(), user(), assistant())),
    ("/conversationState/currentMessage", history(user())),
    ("/conversationState/history/2", history(user(), assistant(), assistant())),
    (
        "/additionalModelRequestFields/output_config",
        with_fields({"output_config": {"effort": "low"}}, "claude-opus-4.6"),
    ),
]

# Looked at by the service itself, in test_chat and test_management.
ELSEWHERE = {"content-type", "body-json", "query"}


def breaches(body: dict[str, Any], style: Style = "rest") -> list[Breach]:
    return examine(body, len(json.dumps(body)), KNOWN, style=style).breaches


@pytest.mark.parametrize("name", LEGAL)
def test_a_legal_body_passes(name):
    assert breaches(LEGAL[name]) == []


@pytest.mark.parametrize(("rule", "body"), BROKEN)
def test_one_broken_thing_is_refused_by_its_rule(rule, body):
    assert breaches(body)[0].rule == rule


@pytest.mark.parametrize(("path", "body"), PATHS)
def test_a_breach_tells_where_it_is(path, body):
    assert breaches(body)[0].path == path


def test_the_agent_mode_is_a_member_only_where_it_is_no_header():
    body = PLAIN | {"agentMode": "chat"}
    assert [breach.rule for breach in breaches(body, "kiro")] == ["agent-mode"]
    assert examine(body, 0, KNOWN).unknown == ["/agentMode"]


def test_unknown_members_are_noted_and_no_breach():
    body = changed(TWO, f"{RESULTS}/0/isError", False)
    found = examine(body | {"inferenceConfig": {}}, 0, KNOWN)
    assert found.breaches == []
    assert found.unknown == [
        f"/conversationState/{CONTEXT}/toolResults/0/isError",
        "/inferenceConfig",
    ]


def test_every_rule_has_a_case():
    assert {rule for rule, _ in BROKEN} | ELSEWHERE | {"agent-mode"} == RULES.keys()


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
