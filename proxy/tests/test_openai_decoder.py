"""Chat Completions requests to prompts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from proxy.errors import BadRequest, invalid_field
from proxy.messages import (
    File,
    Image,
    Message,
    Prompt,
    RemoteImage,
    Text,
    Thinking,
    ThinkingMode,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    WebSearch,
)
from proxy.openai.decoder import decode_request
from proxy.openai.schemas import ChatBody
from proxy.openai_input import refuse_remote_images

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAA"
DATA_URL = f"data:image/png;base64,{PNG}"
HI = {"role": "user", "content": "Hi"}
WEATHER = {
    "name": "weather",
    "description": "The weather.",
    "parameters": {"type": "object"},
}
TIME = {"name": "time"}
OFFERED = {
    "tools": [
        {"type": "function", "function": WEATHER},
        {"type": "function", "function": TIME},
    ]
}
WEATHER_TOOL = Tool("weather", "The weather.", {"type": "object"})
TIME_TOOL = Tool("time", "", {})


def decoded(*messages: Any, **fields: Any) -> Prompt:
    body = {"model": "m", "messages": list(messages) or [HI], **fields}
    try:
        return decode_request(msgspec.convert(body, ChatBody))
    except msgspec.ValidationError as error:
        raise invalid_field(error) from error


def refused(*messages: Any, **fields: Any) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        decoded(*messages, **fields)
    return caught.value


MESSAGES: dict[str, tuple[dict[str, Any], Message]] = {
    "text": (HI, Message("user", (Text("Hi"),))),
    "no content": ({"role": "user", "content": None}, Message("user", ())),
    "parts": (
        {
            "role": "user",
            "name": "anna",
            "content": [
                {"type": "text", "text": "See", "cache_control": {}},
                {"type": "image_url", "image_url": {"url": DATA_URL, "detail": "low"}},
                {"type": "image_url", "image_url": DATA_URL},
                {"type": "hologram", "hologram": 1},
            ],
        },
        Message("user", (Text("See"), Image("png", PNG), Image("png", PNG))),
    ),
    "assistant": (
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "Yes"}],
            "reasoning_content": "Hm.",
            "tool_calls": [
                {
                    "id": "t1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city":"Oslo"}'},
                },
                {"id": "t2", "type": "function", "function": {"name": "time"}},
            ],
        },
        Message(
            "assistant",
            (
                Thinking("Hm."),
                Text("Yes"),
                ToolUse("t1", "weather", {"city": "Oslo"}),
                ToolUse("t2", "time", {}),
            ),
        ),
    ),
    "refusal": (
        {"role": "assistant", "content": None, "refusal": "No."},
        Message("assistant", (Text("No."),)),
    ),
    "refusal part": (
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        Message("assistant", (Text("No."),)),
    ),
    "arguments that are no JSON": (
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "t1", "function": {"name": "weather", "arguments": '{"ci'}}
            ],
        },
        Message("assistant", (ToolUse("t1", "weather", {"_raw": '{"ci'}),)),
    ),
    "arguments that are no object": (
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "t1", "function": {"name": "weather", "arguments": "[1]"}}
            ],
        },
        Message("assistant", (ToolUse("t1", "weather", {"_raw": "[1]"}),)),
    ),
    "custom tool call": (
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "t1", "type": "custom", "custom": {"name": "sh", "input": "ls"}}
            ],
        },
        Message("assistant", (ToolUse("t1", "sh", {"input": "ls"}),)),
    ),
    "tool": (
        {"role": "tool", "tool_call_id": "t1", "content": "12 degrees"},
        Message("user", (ToolResult("t1", (Text("12 degrees"),)),)),
    ),
    "tool with parts": (
        {
            "role": "tool",
            "tool_call_id": "t1",
            "content": [
                {"type": "text", "text": "See"},
                {"type": "image_url", "image_url": {"url": DATA_URL}},
            ],
        },
        Message("user", (ToolResult("t1", (Text("See"), Image("png", PNG))),)),
    ),
    "old function call": (
        {
            "role": "assistant",
            "content": None,
            "function_call": {"name": "weather", "arguments": '{"city":"Oslo"}'},
        },
        Message(
            "assistant", (ToolUse("function_weather", "weather", {"city": "Oslo"}),)
        ),
    ),
    "old function answer": (
        {"role": "function", "name": "weather", "content": "12 degrees"},
        Message("user", (ToolResult("function_weather", (Text("12 degrees"),)),)),
    ),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_messages_of_every_role(case: str):
    written, message = MESSAGES[case]
    assert decoded(HI, written).messages == (Message("user", (Text("Hi"),)), message)


def test_system_and_developer_text_at_the_beginning_is_the_system_text():
    prompt = decoded(
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
        {"role": "system", "content": " "},
        HI,
        {"role": "developer", "content": "Be quick."},
    )
    assert prompt.system == "Be brief.\n\nBe kind."
    assert prompt.messages == (
        Message("user", (Text("Hi"),)),
        Message("system", (Text("Be quick."),)),
    )


REMOTE = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}


def test_an_image_to_be_fetched_is_left_to_be_fetched():
    prompt = decoded({"role": "user", "content": [REMOTE]})
    assert prompt.messages[0].parts == (RemoteImage("https://a.example/b.png"),)


def test_where_nothing_is_fetched_the_newest_message_must_name_no_image():
    refuse_remote_images(decoded({"role": "user", "content": [REMOTE]}, HI), "messages")
    with pytest.raises(BadRequest) as caught:
        prompt = decoded(HI, {"role": "user", "content": [REMOTE]})
        refuse_remote_images(prompt, "messages")
    assert caught.value.param == "messages"
    assert caught.value.code == "unsupported_parameter"


@pytest.mark.parametrize("data", ["data:application/pdf;base64,JVBERi0=", "JVBERi0="])
def test_files_are_left_to_be_read(data: str):
    sent = {"type": "file", "file": {"file_data": data, "filename": "a.pdf"}}
    prompt = decoded({"role": "user", "content": [sent]})
    assert prompt.messages[0].parts == (File("application/pdf", "a.pdf", "JVBERi0="),)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "input_audio", "input_audio": {}},
    ],
)
def test_what_is_not_here_is_refused_in_the_newest_message_only(part: Any):
    message = {"role": "user", "content": [part]}
    assert refused(message).param == "messages.0.content.0"
    [note] = decoded(message, HI).messages[0].parts
    assert isinstance(note, Text)
    assert note.text.startswith("[left out: ")


def test_an_unreadable_image_is_refused():
    url = "data:image/png;base64,AAAA"
    error = refused(
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
    )
    assert error.code == "invalid_image_format"


def test_tools_of_all_forms():
    flat = {"type": "function", **WEATHER}
    assert decoded(**OFFERED).tools == (WEATHER_TOOL, TIME_TOOL)
    assert decoded(tools=[flat]).tools == (WEATHER_TOOL,)
    assert decoded(functions=[WEATHER]).tools == (WEATHER_TOOL,)


CHOICES: dict[str, tuple[dict[str, Any], ToolChoice]] = {
    "none given": ({}, ToolChoice()),
    "auto": ({"tool_choice": "auto"}, ToolChoice()),
    "none": ({"tool_choice": "none"}, ToolChoice("none")),
    "required": ({"tool_choice": "required"}, ToolChoice("any")),
    "named": (
        {"tool_choice": {"type": "function", "function": {"name": "time"}}},
        ToolChoice("named", "time"),
    ),
    "one at a time": ({"parallel_tool_calls": False}, ToolChoice(parallel=False)),
    "required, one at a time": (
        {"tool_choice": "required", "parallel_tool_calls": False},
        ToolChoice("any", parallel=False),
    ),
}


@pytest.mark.parametrize("case", CHOICES)
def test_tool_choices(case: str):
    fields, choice = CHOICES[case]
    assert decoded(**OFFERED, **fields).tool_choice == choice


@pytest.mark.parametrize(("mode", "meant"), [("auto", "auto"), ("required", "any")])
def test_only_allowed_tools_are_offered(mode: str, meant: Any):
    allowed = {
        "mode": mode,
        "tools": [{"type": "function", "function": {"name": "time"}}],
    }
    prompt = decoded(
        **OFFERED, tool_choice={"type": "allowed_tools", "allowed_tools": allowed}
    )
    assert prompt.tools == (TIME_TOOL,)
    assert prompt.tool_choice == ToolChoice(meant)


@pytest.mark.parametrize(
    ("choice", "meant"),
    [
        ("none", ToolChoice("none", parallel=False)),
        ("auto", ToolChoice(parallel=False)),
        ({"name": "weather"}, ToolChoice("named", "weather", parallel=False)),
    ],
)
def test_the_old_form_calls_one_function_at_a_time(choice: Any, meant: ToolChoice):
    assert decoded(functions=[WEATHER], function_call=choice).tool_choice == meant


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 7}, 7),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 7),
    ],
)
def test_token_limits(fields: dict[str, int], most: int | None):
    assert decoded(**fields).max_tokens == most


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_a_limit_below_one_is_refused(field: str):
    assert refused(**{field: 0}).param == field


@pytest.mark.parametrize(
    ("stop", "sequences"),
    [(None, ()), ("END", ("END",)), (["a", "", "b"], ("a", "b"))],
)
def test_stop_sequences(stop: Any, sequences: tuple[str, ...]):
    assert decoded(stop=stop).stop_sequences == sequences


@pytest.mark.parametrize(
    ("asked", "mode", "effort"),
    [
        (None, None, None),
        ("none", ThinkingMode("disabled"), None),
        ("minimal", ThinkingMode("adaptive"), "low"),
        ("high", ThinkingMode("adaptive"), "high"),
        ("xhigh", ThinkingMode("adaptive"), "xhigh"),
        ("boundless", None, None),
    ],
)
def test_reasoning_effort(asked: Any, mode: Any, effort: Any):
    prompt = decoded(reasoning_effort=asked)
    assert (prompt.thinking, prompt.effort) == (mode, effort)


def test_what_cannot_be_promised_is_named_too():
    prompt = decoded(**OFFERED, tool_choice="required", reasoning_effort="boundless")
    assert prompt.unhonoured == ("tool_choice", "reasoning_effort")


def test_a_search_of_the_web_is_asked_for():
    assert decoded(web_search_options={}).web_search == WebSearch()
    assert decoded().web_search is None


def test_what_is_asked_in_vain_is_named():
    prompt = decoded(
        temperature=0,
        top_p=None,
        seed=7,
        store=False,
        service_tier="auto",
        verbosity="low",
        user="anna",
        metadata={"a": "b"},
        unheard_of={"x": 1},
    )
    assert prompt.unhonoured == ("temperature", "seed", "verbosity")


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "choices": ({"n": 2}, "n"),
    "log probabilities": ({"logprobs": True}, "logprobs"),
    "top log probabilities": ({"top_logprobs": 2}, "top_logprobs"),
    "audio": ({"audio": {"voice": "alloy"}}, "audio"),
    "modalities": ({"modalities": ["audio"]}, "modalities"),
    "custom tools": ({"tools": [{"type": "custom", "custom": {}}]}, "tools.0.type"),
    "a tool without name": (
        {"tools": [{"type": "function", "function": {}}]},
        "tools.0.function.name",
    ),
    "a tool twice": (
        {"functions": [WEATHER, WEATHER]},
        "functions.1.name",
    ),
    "a message of nobody": (
        {"messages": [{"role": "ghost", "content": "Boo"}]},
        "messages.0.role",
    ),
    "a text that is none": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]},
        "messages.0.content.0.text",
    ),
    "no messages": ({"messages": []}, "messages"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_name_their_field(case: str):
    fields, param = REFUSALS[case]
    assert refused(**fields).param == param


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 1},
        {"logprobs": False},
        {"logprobs": None},
        {"top_logprobs": 0},
        {"modalities": ["text"]},
    ],
)
def test_what_asks_for_nothing_special_is_taken(fields: dict[str, Any]):
    assert decoded(**fields).unhonoured == ()


MARKED = {"cache_control": {"type": "ephemeral"}}


def saying(role: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {
        "role": role,
        "content": [{"type": "text", "text": "a"} | part for part in parts],
    }


ANSWERED = {"role": "tool", "tool_call_id": "call_1", "content": "12"}

MARKS: dict[str, tuple[list[Any], dict[str, Any], bool, list[bool]]] = {
    "nothing": ([saying("system", {}), HI], OFFERED, False, [False]),
    "the system text": (
        [saying("system", {}), saying("developer", {}, MARKED), HI],
        {},
        True,
        [False],
    ),
    "a tool": ([HI], {"tools": [{"function": WEATHER} | MARKED]}, True, [False]),
    "its function": ([HI], {"tools": [{"function": WEATHER | MARKED}]}, True, [False]),
    "parts": (
        [
            saying("user", {}, MARKED),
            saying("assistant", {}, {"cache_control": None}),
            saying("user", MARKED, {}),
        ],
        {},
        False,
        [True, False, True],
    ),
    "whole messages": (
        [HI | MARKED, saying("assistant", {}), ANSWERED | MARKED],
        {},
        False,
        [True, False, True],
    ),
    "what the system says later": (
        [HI, saying("system", MARKED), HI],
        {},
        False,
        [False, True, False],
    ),
}


@pytest.mark.parametrize("what", MARKS)
def test_what_the_client_marked_is_to_be_cached(what: str):
    said, fields, beginning, messages = MARKS[what]
    prompt = decoded(*said, **fields)
    assert prompt.cache is beginning
    assert [message.cache for message in prompt.messages] == messages
