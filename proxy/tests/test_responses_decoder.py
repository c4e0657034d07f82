"""Responses requests to prompts."""

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
    RedactedThinking,
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
from proxy.responses.decoder import decode_request, items_of
from proxy.responses.reasoning import seal, unseal
from proxy.responses.schemas import ResponsesBody
from proxy.responses.tools import Offer, Spelling, read_tools

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAA"
DATA_URL = f"data:image/png;base64,{PNG}"
HI = {"type": "message", "role": "user", "content": "Hi"}
SAID_HI = Message("user", (Text("Hi"),))


def read(**fields: Any) -> tuple[Prompt, Offer]:
    try:
        body = msgspec.convert({"model": "m", "input": "Hi", **fields}, ResponsesBody)
        items = items_of(body)
        offer = read_tools(body, items)
        return decode_request(body, items, offer), offer
    except msgspec.ValidationError as error:
        raise invalid_field(error) from error


def decoded(**fields: Any) -> Prompt:
    return read(**fields)[0]


def refused(**fields: Any) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        decoded(**fields)
    return caught.value


def test_a_text_is_what_the_user_says():
    assert decoded(input="Hi").messages == (SAID_HI,)


ITEMS: dict[str, tuple[dict[str, Any], Message]] = {
    "without type": ({"role": "user", "content": "Hi"}, SAID_HI),
    "without content": ({"role": "user", "content": None}, Message("user", ())),
    "parts": (
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "See"},
                {"type": "input_image", "image_url": DATA_URL, "detail": "auto"},
                {"type": "input_image", "image_url": "https://a.example/b.png"},
                {
                    "type": "input_file",
                    "filename": "a.pdf",
                    "file_data": "data:application/pdf;base64,JVBERi0=",
                },
                {"type": "hologram"},
            ],
        },
        Message(
            "user",
            (
                Text("See"),
                Image("png", PNG),
                RemoteImage("https://a.example/b.png"),
                File("application/pdf", "a.pdf", "JVBERi0="),
            ),
        ),
    ),
    "assistant": (
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "Yes", "annotations": []},
                {"type": "refusal", "refusal": "No"},
            ],
        },
        Message("assistant", (Text("Yes"), Text("No"))),
    ),
    "function call": (
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "t1",
            "name": "weather",
            "arguments": '{"city":"Oslo"}',
        },
        Message("assistant", (ToolUse("t1", "weather", {"city": "Oslo"}),)),
    ),
    "function call of a namespace": (
        {
            "type": "function_call",
            "call_id": "t1",
            "namespace": "github",
            "name": "search",
            "arguments": "",
        },
        Message("assistant", (ToolUse("t1", "github__search", {}),)),
    ),
    "cut arguments": (
        {
            "type": "function_call",
            "call_id": "t1",
            "name": "weather",
            "arguments": '{"ci',
        },
        Message("assistant", (ToolUse("t1", "weather", {"_raw": '{"ci'}),)),
    ),
    "function call output": (
        {"type": "function_call_output", "call_id": "t1", "output": "12 degrees"},
        Message("user", (ToolResult("t1", (Text("12 degrees"),)),)),
    ),
    "function call output of parts": (
        {
            "type": "function_call_output",
            "call_id": "t1",
            "output": [
                {"type": "input_text", "text": "See"},
                {"type": "input_image", "image_url": DATA_URL},
            ],
        },
        Message("user", (ToolResult("t1", (Text("See"), Image("png", PNG))),)),
    ),
    "custom tool call": (
        {
            "type": "custom_tool_call",
            "call_id": "t1",
            "name": "patch",
            "input": "*** Begin",
        },
        Message("assistant", (ToolUse("t1", "patch", {"input": "*** Begin"}),)),
    ),
    "custom tool call output": (
        {"type": "custom_tool_call_output", "call_id": "t1", "output": "Done"},
        Message("user", (ToolResult("t1", (Text("Done"),)),)),
    ),
    "reasoning": (
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [
                {"type": "summary_text", "text": "Hm."},
                {"type": "summary_text", "text": "Yes."},
            ],
            "encrypted_content": "signature.abc",
        },
        Message("assistant", (Thinking("Hm.\n\nYes.", "abc"),)),
    ),
    "hidden reasoning": (
        {"type": "reasoning", "summary": [], "encrypted_content": "redacted.xyz"},
        Message("assistant", (RedactedThinking("xyz"),)),
    ),
    "reasoning of another service": (
        {
            "type": "reasoning",
            "summary": [],
            "content": [{"type": "reasoning_text", "text": "Hm."}],
            "encrypted_content": "gAAAAAB",
        },
        Message("assistant", (Thinking("Hm."),)),
    ),
    "call of a hosted tool": (
        {
            "type": "local_shell_call",
            "id": "lsh_1",
            "call_id": "t1",
            "status": "completed",
            "action": {"type": "exec", "command": ["ls"]},
        },
        Message(
            "assistant",
            (
                ToolUse(
                    "t1",
                    "local_shell",
                    {"action": {"type": "exec", "command": ["ls"]}},
                ),
            ),
        ),
    ),
    "output of a hosted tool": (
        {
            "type": "shell_call_output",
            "call_id": "t1",
            "output": [{"stdout": "a", "stderr": ""}],
        },
        Message("user", (ToolResult("t1", (Text('[{"stdout":"a","stderr":""}]'),)),)),
    ),
}


@pytest.mark.parametrize("case", ITEMS)
def test_items_of_every_kind(case: str):
    item, message = ITEMS[case]
    assert decoded(input=[HI, item]).messages == (SAID_HI, message)


@pytest.mark.parametrize(
    "item",
    [
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "compaction", "encrypted_content": "x"},
        {"type": "unheard_of", "anything": 1},
    ],
)
def test_items_without_meaning_here_are_left_out(item: Any):
    assert decoded(input=[HI, item]).messages == (SAID_HI,)


def test_instructions_come_before_what_system_and_developer_say():
    prompt = decoded(
        instructions="Be brief.",
        input=[
            {"role": "developer", "content": [{"type": "input_text", "text": "A."}]},
            {"role": "system", "content": "B."},
            HI,
            {"role": "developer", "content": "C."},
        ],
    )
    assert prompt.system == "Be brief.\n\nA.\n\nB."
    assert prompt.messages == (SAID_HI, Message("system", (Text("C."),)))


def test_a_file_that_is_elsewhere_is_refused_in_the_newest_message_only():
    message = {
        "role": "user",
        "content": [{"type": "input_file", "file_id": "file-1"}],
    }
    assert refused(input=[HI, message]).param == "input.1.content.0"
    [note] = decoded(input=[message, HI]).messages[0].parts
    assert isinstance(note, Text)


FUNCTION = {
    "type": "function",
    "name": "weather",
    "description": "The weather.",
    "parameters": {"type": "object"},
    "strict": True,
}
WEATHER = Tool("weather", "The weather.", {"type": "object"})
TIME = Tool("time", "", {})


def test_tools_of_every_kind():
    prompt, offer = read(
        tools=[
            FUNCTION,
            {
                "type": "custom",
                "name": "patch",
                "description": "Edit.",
                "format": {"type": "grammar", "syntax": "lark", "definition": "a: b"},
            },
            {
                "type": "namespace",
                "name": "github",
                "description": "GitHub.",
                "tools": [{"type": "function", "name": "search"}],
            },
            {"type": "file_search", "vector_store_ids": ["a"]},
            {"type": "mcp", "server_label": "x"},
        ]
    )
    assert prompt.tools == (
        WEATHER,
        Tool(
            "patch",
            "Edit.\n\nThe input must follow this lark grammar:\na: b",
            {
                "type": "object",
                "properties": {"input": {"type": "string"}},
                "required": ["input"],
            },
        ),
        Tool("github__search", "", {}),
    )
    assert offer.spelling == Spelling(
        frozenset({"patch"}), {"github__search": ("github", "search")}
    )
    assert prompt.system == "Of the tools whose names begin with github__: GitHub."
    assert prompt.unhonoured == ("tools.3.file_search", "tools.4.mcp")


def additional_tools(*tools: Any) -> dict[str, Any]:
    return {"type": "additional_tools", "role": "developer", "tools": [*tools]}


def test_items_of_the_conversation_bring_tools():
    run = {"type": "custom", "name": "run"}
    brought = additional_tools({"type": "namespace", "name": "js", "tools": [run]})
    prompt, offer = read(tools=[FUNCTION], input=[brought, HI])
    assert [tool.name for tool in prompt.tools] == ["weather", "js__run"]
    assert offer.spelling == Spelling(
        frozenset({"js__run"}), {"js__run": ("js", "run")}
    )
    assert prompt.messages == (SAID_HI,)


def test_the_latest_word_on_a_tool_holds():
    before = additional_tools(
        {"type": "custom", "name": "weather"}, {"type": "function", "name": "time"}
    )
    prompt, offer = read(input=[before, HI, additional_tools(FUNCTION), HI])
    assert prompt.tools == (WEATHER, TIME)
    assert offer.spelling == Spelling()


def test_a_search_of_the_web_is_asked_for():
    filters = {"allowed_domains": ["example.com"]}
    plain = decoded(tools=[{"type": "web_search_preview"}])
    bound = decoded(tools=[{"type": "web_search", "filters": filters}])
    assert plain.web_search == WebSearch()
    assert bound.web_search == WebSearch(allowed_domains=("example.com",))


def test_a_search_that_may_not_leave_for_the_web_cannot_be_done():
    prompt = decoded(tools=[{"type": "web_search", "external_web_access": False}])
    assert prompt.web_search is None
    assert prompt.unhonoured == ("tools.0.web_search",)


CHOICES: dict[str, tuple[Any, ToolChoice]] = {
    "absent": (None, ToolChoice()),
    "auto": ("auto", ToolChoice()),
    "none": ("none", ToolChoice("none")),
    "required": ("required", ToolChoice("any")),
    "function": (
        {"type": "function", "name": "weather"},
        ToolChoice("named", "weather"),
    ),
    "custom": ({"type": "custom", "name": "patch"}, ToolChoice("named", "patch")),
    "hosted": ({"type": "file_search"}, ToolChoice()),
}


@pytest.mark.parametrize("case", CHOICES)
def test_tool_choices(case: str):
    written, choice = CHOICES[case]
    assert decoded(tools=[FUNCTION], tool_choice=written).tool_choice == choice


def test_only_allowed_tools_are_offered():
    prompt = decoded(
        tools=[FUNCTION, {"type": "function", "name": "time"}],
        tool_choice={
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "time"}],
        },
        parallel_tool_calls=False,
    )
    assert prompt.tools == (TIME,)
    assert prompt.tool_choice == ToolChoice("any", parallel=False)


@pytest.mark.parametrize(
    ("reasoning", "mode", "effort"),
    [
        (None, None, None),
        ({"effort": None, "summary": "auto"}, None, None),
        ({"effort": "none"}, ThinkingMode("disabled"), None),
        ({"effort": "medium"}, ThinkingMode("adaptive"), "medium"),
    ],
)
def test_reasoning_effort(reasoning: Any, mode: Any, effort: Any):
    prompt = decoded(reasoning=reasoning)
    assert (prompt.thinking, prompt.effort) == (mode, effort)


def test_what_is_asked_in_vain_is_named():
    prompt = decoded(
        temperature=0,
        truncation="auto",
        service_tier="flex",
        max_tool_calls=3,
        text={"verbosity": "low"},
        user="anna",
        include=["reasoning.encrypted_content"],
    )
    assert prompt.unhonoured == (
        "temperature",
        "max_tool_calls",
        "service_tier",
        "text.verbosity",
    )


def test_what_cannot_be_promised_is_named_too():
    prompt = decoded(
        tools=[FUNCTION], tool_choice="required", reasoning={"effort": "boundless"}
    )
    assert prompt.unhonoured == ("tool_choice", "reasoning.effort")


def test_what_asks_for_nothing_special_is_taken():
    prompt = decoded(
        background=False,
        truncation="disabled",
        service_tier="auto",
        top_logprobs=0,
        text={"format": {"type": "text"}},
    )
    assert prompt.unhonoured == ()


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "background": ({"background": True}, "background"),
    "conversation": ({"conversation": "conv_1"}, "conversation"),
    "prompt": ({"prompt": {"id": "pmpt_1"}}, "prompt"),
    "log probabilities": ({"top_logprobs": 2}, "top_logprobs"),
    "no input": ({"input": []}, "input"),
    "no tokens": ({"max_output_tokens": 0}, "max_output_tokens"),
    "a tool without name": ({"tools": [{"type": "function"}]}, "tools.0.name"),
    "a tool twice": ({"tools": [FUNCTION, FUNCTION]}, "tools.1.name"),
    "a tool brought twice": (
        {"input": [HI, additional_tools(FUNCTION, FUNCTION)]},
        "input.1.tools.1.name",
    ),
    "a message of nobody": ({"input": [{"role": "ghost"}]}, "input.0.role"),
    "a call without name": ({"input": [{"type": "function_call"}]}, "input.0"),
    "an input that is none": ({"input": 1}, "input"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_name_their_field(case: str):
    fields, param = REFUSALS[case]
    assert refused(**fields).param == param


@pytest.mark.parametrize(
    "part", [Thinking("Hm.", "abc"), RedactedThinking("xyz"), Thinking("Hm.")]
)
def test_thinking_survives_the_way_through_a_client(part: Any):
    text = part.text if isinstance(part, Thinking) else ""
    assert unseal(text, seal(part) or "") == part
