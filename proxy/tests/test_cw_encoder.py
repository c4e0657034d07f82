"""The whole request: literal beside the protocol, and the rules on any prompt."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.catalog import Model, by_upstream_id, unknown_model
from proxy.codewhisperer.encoder import EncodedPrompt, encode_prompt
from proxy.messages import (
    Document,
    Image,
    Message,
    Prompt,
    RedactedThinking,
    Text,
    Thinking,
    ThinkingMode,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
)
from proxy.tests.upstream_rules import check_request, images_of, texts_of

CONTINUATION = "0c1d0c1d-0c1d-4c1d-8c1d-0c1d0c1d0c1d"
PROFILE = "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABCDEFGH1234"
OLD, NATIVE, GPT, OPEN = (
    "CLAUDE_SONNET_4_20250514_V1_0",
    "claude-sonnet-5",
    "gpt-5.6-sol",
    "glm-5",
)


def model_of(model_id: str) -> Model:
    return by_upstream_id(model_id) or unknown_model(model_id)


def encode(
    prompt: Prompt, model: Model | str = OLD, profile_arn: str = PROFILE
) -> EncodedPrompt:
    encoded = encode_prompt(
        prompt,
        model=model if isinstance(model, Model) else model_of(model),
        profile_arn=profile_arn,
        agent_continuation_id=CONTINUATION,
        max_description=10_000,
    )
    check_request(encoded.request)
    return encoded


def prompt_of(text: str = "Hi", **members: Any) -> Prompt:
    return Prompt("m", (Message("user", (Text(text),)),), **members)


WEATHER = Tool(
    "weather",
    "Weather of a place",
    {
        "type": "object",
        "properties": {"place": {"type": "string"}},
        "required": ["place"],
    },
)


def test_a_request_of_all_parts():
    """R-TOOLS-CURRENT"""
    prompt = Prompt(
        "claude-sonnet-4-20250514",
        (
            Message("user", (Text("Weather here?"), Image("jpeg", "aW1n"))),
            Message("assistant", (ToolUse("t1", "weather", {"place": "Oslo"}),)),
            Message("user", (ToolResult("t1", (Text("12 C, rain"),)),)),
        ),
        system="Be brief.",
        tools=(WEATHER,),
        conversation="session_1",
    )
    encoded = encode(prompt)
    assert encoded.thinking_tags is False
    assert encoded.request == {
        "profileArn": PROFILE,
        "conversationState": {
            "agentContinuationId": CONTINUATION,
            "agentTaskType": "vibe",
            "chatTriggerType": "MANUAL",
            "conversationId": "session_1",
            "history": [
                {
                    "userInputMessage": {
                        "content": "Be brief.\n\nWeather here?",
                        "modelId": OLD,
                        "origin": "AI_EDITOR",
                        "images": [{"format": "jpeg", "source": {"bytes": "aW1n"}}],
                    }
                },
                {
                    "assistantResponseMessage": {
                        "content": "",
                        "toolUses": [
                            {
                                "toolUseId": "t1",
                                "name": "weather",
                                "input": {"place": "Oslo"},
                            }
                        ],
                    }
                },
            ],
            "currentMessage": {
                "userInputMessage": {
                    "content": "",
                    "modelId": OLD,
                    "origin": "AI_EDITOR",
                    "userInputMessageContext": {
                        "toolResults": [
                            {
                                "toolUseId": "t1",
                                "status": "success",
                                "content": [{"text": "12 C, rain"}],
                            }
                        ],
                        "tools": [
                            {
                                "toolSpecification": {
                                    "name": "weather",
                                    "description": "Weather of a place",
                                    "inputSchema": {
                                        "json": {
                                            "type": "object",
                                            "properties": {"place": {"type": "string"}},
                                            "required": ["place"],
                                        }
                                    },
                                }
                            }
                        ],
                    },
                }
            },
        },
    }


def test_what_there_is_none_of_is_left_out():
    """R-LEFT-OUT"""
    request = encode(prompt_of(conversation="c"), profile_arn="").request
    assert request == {
        "conversationState": {
            "agentContinuationId": CONTINUATION,
            "agentTaskType": "vibe",
            "chatTriggerType": "MANUAL",
            "conversationId": "c",
            "currentMessage": {
                "userInputMessage": {
                    "content": "Hi",
                    "modelId": OLD,
                    "origin": "AI_EDITOR",
                }
            },
        }
    }


@pytest.mark.parametrize("conversation", ["a", "A-b_c.9", "x" * 128])
def test_a_conversation_keeps_its_name(conversation):
    """R-CONVERSATION-ID"""
    state = encode(prompt_of(conversation=conversation)).request["conversationState"]
    assert state["conversationId"] == conversation


@pytest.mark.parametrize("conversation", ["", "x" * 129, "a b", "é", "a\n"])
def test_a_name_the_service_refuses_is_replaced(conversation):
    """R-CONVERSATION-ID"""
    prompt = prompt_of(conversation=conversation)
    first, second = (
        encode(prompt).request["conversationState"]["conversationId"] for _ in range(2)
    )
    assert re.fullmatch(r"[0-9a-f-]{36}", first)
    assert first != second


def test_names_and_properties_are_mapped_in_the_history_too():
    long, deep = "mcp__" + "server_" * 10, "property_" * 10
    tool = Tool(long, "x", {"properties": {deep: {"type": "string"}}})
    prompt = Prompt(
        "m",
        (
            Message("user", (Text("a"),)),
            Message("assistant", (ToolUse("t1", long, {deep: "v"}),)),
            Message("user", (ToolResult("t1", ()),)),
        ),
        tools=(tool,),
    )
    encoded = encode(prompt)
    state = encoded.request["conversationState"]
    (use,) = state["history"][1]["assistantResponseMessage"]["toolUses"]
    context = state["currentMessage"]["userInputMessage"]["userInputMessageContext"]
    specification = context["tools"][0]["toolSpecification"]
    assert use["name"] == specification["name"]
    assert encoded.names.restore(use["name"]) == long
    assert list(use["input"]) == list(
        specification["inputSchema"]["json"]["properties"]
    )
    assert encoded.names.restore_input(long, use["input"]) == {deep: "v"}


def content_of(encoded: EncodedPrompt) -> str:
    state = encoded.request["conversationState"]
    content = state["currentMessage"]["userInputMessage"]["content"]
    assert isinstance(content, str)
    return content


def test_notes_on_tools_follow_the_system_text():
    tools = (Tool("a", "d" * 11_000, {}),)
    choice = ToolChoice("any", parallel=False)
    content = content_of(encode(prompt_of(system="S", tools=tools, tool_choice=choice)))
    system, first, second, third, user = content.split("\n\n")
    assert system == "S"
    assert first.startswith("Tool a, description continued:\nddd")
    assert second == "You must call a tool in this answer."
    assert third == "Call at most one tool."
    assert user == "Hi"


ADAPTIVE, DISABLED = ThinkingMode("adaptive"), ThinkingMode("disabled")


def budget(tokens: int | None) -> ThinkingMode:
    return ThinkingMode("enabled", tokens)


SUMMARY = {"type": "adaptive", "display": "summarized"}
HIGH = {"output_config": {"effort": "high"}}

FIELDS = [
    (NATIVE, {}, None),
    (NATIVE, {"thinking": ADAPTIVE}, {"thinking": SUMMARY}),
    (NATIVE, {"thinking": budget(None)}, {"thinking": SUMMARY}),
    (
        NATIVE,
        {"thinking": budget(1024)},
        {"thinking": SUMMARY, "output_config": {"effort": "low"}},
    ),
    (
        NATIVE,
        {"thinking": budget(10_000)},
        {"thinking": SUMMARY, "output_config": {"effort": "medium"}},
    ),
    (NATIVE, {"thinking": budget(31_999)}, {"thinking": SUMMARY, **HIGH}),
    (
        NATIVE,
        {"thinking": budget(31_999), "effort": "low"},
        {"thinking": SUMMARY, "output_config": {"effort": "low"}},
    ),
    (NATIVE, {"thinking": DISABLED}, {"thinking": {"type": "disabled"}}),
    (NATIVE, {"effort": "xhigh"}, {"output_config": {"effort": "xhigh"}}),
    (NATIVE, {"max_tokens": 1024}, {"max_tokens": 1024}),
    (NATIVE, {"max_tokens": 64_000}, {"max_tokens": 64_000}),
    (NATIVE, {"max_tokens": 1023}, None),
    (NATIVE, {"max_tokens": 64_001}, None),
    (NATIVE, {"max_tokens": 0}, None),
    ("claude-fable-5", {"max_tokens": 128_000}, None),
    ("claude-opus-4.6-1m", {"max_tokens": 5_000, "effort": "high"}, None),
    ("claude-sonnet-4.6", {"effort": "xhigh"}, HIGH),
    ("claude-sonnet-4.6", {"effort": "max"}, {"output_config": {"effort": "max"}}),
    ("claude-opus-4.6", {"effort": "high"}, None),
    (
        "claude-opus-4.6",
        {"effort": "high", "thinking": DISABLED},
        {"thinking": {"type": "disabled"}},
    ),
    (
        "claude-opus-4.6",
        {"effort": "high", "thinking": ADAPTIVE},
        {"thinking": SUMMARY, **HIGH},
    ),
    (GPT, {"effort": "xhigh"}, {"reasoning": {"effort": "xhigh"}}),
    (GPT, {"thinking": DISABLED, "effort": "low"}, {"reasoning": {"effort": "none"}}),
    (GPT, {"thinking": budget(2000)}, {"reasoning": {"effort": "low"}}),
    (GPT, {"thinking": ADAPTIVE, "max_tokens": 5000}, None),
    (OLD, {"thinking": ADAPTIVE, "effort": "high", "max_tokens": 5000}, None),
    (OPEN, {"thinking": ADAPTIVE, "effort": "high", "max_tokens": 5000}, None),
    ("some-new-model", {"thinking": ADAPTIVE, "effort": "high"}, None),
]


@pytest.mark.parametrize(("model_id", "asked", "fields"), FIELDS)
def test_native_fields_are_those_the_model_takes(model_id, asked, fields):
    """R-NATIVE-FIELDS"""
    encoded = encode(prompt_of(**asked), model_id)
    assert encoded.request.get("additionalModelRequestFields") == fields
    assert encoded.thinking_tags is (model_id == OLD)


TAGS = [
    (None, None, ""),
    (DISABLED, None, ""),
    (budget(5_000), None, "enabled 5000"),
    (budget(100), None, "enabled 1024"),
    (budget(31_999), None, "enabled 24576"),
    (budget(None), None, "enabled 24576"),
    (ADAPTIVE, None, "adaptive high"),
    (ADAPTIVE, "low", "adaptive low"),
    (ADAPTIVE, "medium", "adaptive medium"),
    (ADAPTIVE, "max", "adaptive high"),
]


@pytest.mark.parametrize(("thinking", "effort", "asked"), TAGS)
@pytest.mark.parametrize("model_id", [OLD, "claude-haiku-4.5", "auto", OPEN, NATIVE])
def test_tags_go_before_the_system_text(thinking, effort, asked, model_id):
    """R-THINKING-TAGS"""
    encoded = encode(prompt_of(system="S", thinking=thinking, effort=effort), model_id)
    *before, system, user = content_of(encoded).split("\n\n")
    assert (system, user) == ("S", "Hi")
    tags = " ".join(re.sub(r"<[^>]*>", " ", "".join(before)).split())
    assert tags == ("" if model_id in (OPEN, NATIVE) else asked)
    assert encoded.thinking_tags is bool(tags)


def test_a_model_that_only_a_list_knows_is_asked_as_any_other_of_its_kind():
    claude, nova = unknown_model("claude-opus-9"), unknown_model("NOVA_1")
    assert encode(prompt_of(thinking=ADAPTIVE), claude).thinking_tags is True
    assert encode(prompt_of(thinking=ADAPTIVE), nova).thinking_tags is False


def test_a_model_gets_no_images_when_its_list_says_so():
    prompt = Prompt("m", (Message("user", (Text("Hi"), Image("png", "aW1n"))),))
    seeing = model_of(OLD)
    assert images_of(encode(prompt, seeing).request) == ["aW1n"]
    assert images_of(encode(prompt, replace(seeing, images=False)).request) == []


CACHING = replace(model_of(NATIVE), caching=True)
TOOLS = (WEATHER,)


def talk(*marked: int, turns: int = 7) -> tuple[Message, ...]:
    return tuple(
        Message("assistant" if at % 2 else "user", (Text(f"{at}"),), cache=at in marked)
        for at in range(turns)
    )


def cache_points(encoded: EncodedPrompt) -> list[int | str]:
    """Behind which turns, and "tools"."""
    state = encoded.request["conversationState"]
    turns = [*state.get("history", []), state["currentMessage"]]
    (current,) = state["currentMessage"].values()
    tools = current.get("userInputMessageContext", {}).get("tools", [])
    return [
        *("tools" for tool in tools[-1:] if "cachePoint" in tool),
        *(
            at
            for at, turn in enumerate(turns)
            for m in turn.values()
            if "cachePoint" in m
        ),
    ]


MARKS = [
    (Prompt("m", talk()), []),
    (Prompt("m", talk(), tools=TOOLS), []),
    (Prompt("m", talk(4, 6)), [4, 6]),
    (Prompt("m", talk(1, 5)), [1, 5]),
    (Prompt("m", talk(), tools=TOOLS, system="S", cache=True), ["tools", 0]),
    (Prompt("m", talk(0, 6), tools=TOOLS, cache=True), ["tools", 0, 6]),
    (Prompt("m", talk(), system="S", cache=True), [0]),
    (Prompt("m", talk(0, 1, 2, 3, 4, 5, 6)), [3, 4, 5, 6]),
    (Prompt("m", talk(2, 4, 6), tools=TOOLS, cache=True), ["tools", 2, 4, 6]),
    # What closes an answer that the client began was not marked.
    (Prompt("m", talk(3, turns=4)), [3]),
]


@pytest.mark.parametrize(("prompt", "points"), MARKS)
def test_a_cache_point_stands_behind_what_was_marked(prompt, points):
    """R-CACHE-POINT"""
    assert cache_points(encode(prompt, CACHING)) == points
    assert cache_points(encode(prompt, model_of(NATIVE))) == []


def test_a_mark_stays_with_the_turn_its_message_became_part_of():
    marked_result = Message("user", (ToolResult("t1", (Text("12 C"),)),), cache=True)
    messages = (
        Message("user", (Text("a"),)),
        Message("user", (Text("b"),), cache=True),
        Message("assistant", (ToolUse("t1", "weather", {}),)),
        marked_result,
        Message("user", (Text(" "),), cache=True),
    )
    assert cache_points(encode(Prompt("m", messages, tools=TOOLS), CACHING)) == [0, 2]


# Texts that can be told from each other, and from anything of ours.
texts = st.integers(0, 10**9).map(lambda n: f"<text {n}>")
maybe_blank = texts | st.sampled_from(["", " ", "\n"])
data = st.integers(0, 10**9).map(lambda n: f"data{n}")
ids = st.sampled_from(["t1", "t2", "t3", "call:1", "x" * 80])
tool_names = st.sampled_from(["Read", "read", "mcp__" + "y" * 80, "gone", "odd name"])
images = st.builds(Image, st.sampled_from(["png", "webp"]), data)
documents = st.builds(Document, texts, texts)
uses = st.builds(
    ToolUse, ids, tool_names, st.dictionaries(st.sampled_from(["a", "b"]), texts)
)
results = st.builds(
    ToolResult,
    ids,
    st.lists(st.builds(Text, maybe_blank) | images | documents, max_size=3).map(tuple),
    st.booleans(),
)
thoughts = st.builds(Thinking, texts, st.sampled_from(["", "sig"])) | st.just(
    RedactedThinking("AAAA")
)
parts = st.one_of(
    st.builds(Text, maybe_blank), images, documents, uses, results, thoughts
)
messages = st.lists(
    st.builds(
        Message,
        st.sampled_from(["user", "assistant", "system"]),
        st.lists(parts, max_size=4).map(tuple),
        st.booleans(),
    ),
    max_size=10,
).map(tuple)
tools = st.lists(st.builds(Tool, tool_names, maybe_blank, st.just({})), max_size=4)
prompts = st.builds(
    Prompt,
    st.just("m"),
    messages,
    system=maybe_blank,
    tools=tools.map(tuple),
    tool_choice=st.builds(
        ToolChoice,
        st.sampled_from(["auto", "any", "none", "named"]),
        tool_names,
        st.booleans(),
    ),
    thinking=st.sampled_from([None, ADAPTIVE, DISABLED, budget(5000)]),
    cache=st.booleans(),
    conversation=st.sampled_from(["", "c1", "no good"]),
)
models = st.builds(
    replace,
    st.sampled_from([OLD, NATIVE, GPT, "auto", "unknown-model"]).map(model_of),
    caching=st.booleans(),
)


def told(prompt: Prompt) -> tuple[set[str], set[str]]:
    """The texts and the images of a prompt that must arrive."""
    spoken, seen = {prompt.system}, set()
    for message in prompt.messages:
        for part in message.parts:
            inner = part.content if isinstance(part, ToolResult) else (part,)
            for item in inner:
                match item:
                    case Text(text):
                        spoken.add(text)
                    case Document(title, text):
                        spoken |= {title, text}
                    case Image(_, image):
                        seen.add(image)
                    case ToolUse(_, _, input):
                        spoken |= {str(value) for value in input.values()}
    return {text for text in spoken if text.strip()}, seen


@given(prompts, models)
def test_every_rule_holds_and_nothing_is_lost(prompt, model):
    encoded = encode(prompt, model)
    spoken, seen = told(prompt)
    whole = texts_of(encoded.request)
    assert not {text for text in spoken if text not in whole}
    arrived = images_of(encoded.request)
    left_out = sum(
        int(count) for count in re.findall(r"\(Images left out: (\d+)\.", whole)
    )
    assert set(arrived) <= seen
    assert len(seen) <= len(set(arrived)) + left_out
    assert msgspec.json.decode(msgspec.json.encode(encoded.request)) == encoded.request


@given(prompts, models)
def test_the_same_prompt_is_the_same_request(prompt, model):
    def request() -> dict[str, Any]:
        request = encode(prompt, model).request
        if prompt.conversation != "c1":
            del request["conversationState"]["conversationId"]
        return request

    assert request() == request()


@given(prompts)
def test_the_prompt_is_left_as_it_was(prompt):
    before = msgspec.json.encode(prompt)
    encode(prompt)
    assert msgspec.json.encode(prompt) == before
