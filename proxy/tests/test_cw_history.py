"""Conversations, legal and broken, to the turns upstream takes: each list whole."""

from __future__ import annotations

import pytest

from proxy.catalog import resolve
from proxy.codewhisperer.encoder import encode_prompt
from proxy.codewhisperer.history import CONTINUE, EMPTY, START
from proxy.codewhisperer.turns import EMPTY_RESULT, IMAGES_ALONE, INTERRUPTED
from proxy.messages import (
    Content,
    Document,
    File,
    Image,
    Message,
    Part,
    Prompt,
    RedactedThinking,
    RemoteImage,
    Role,
    Text,
    Thinking,
    ThinkingMode,
    Tool,
    ToolResult,
    ToolUse,
)
from proxy.tests.upstream_rules import check_request

TAGGED, NATIVE, BLIND = "claude-sonnet-4.5", "claude-sonnet-5", "deepseek-3.2"
READ = Tool("Read", "Reads a file.", {})


def said(role: Role, *parts: Part | str) -> Message:
    return Message(
        role, tuple(Text(part) if isinstance(part, str) else part for part in parts)
    )


def user(*parts: Part | str) -> Message:
    return said("user", *parts)


def bot(*parts: Part | str) -> Message:
    return said("assistant", *parts)


def use(id: str, **input: object) -> ToolUse:
    return ToolUse(id, "Read", input)


def result(id: str, *parts: Content | str, error: bool = False):
    content = tuple(Text(part) if isinstance(part, str) else part for part in parts)
    return ToolResult(id, content, error)


def png(data: str) -> Image:
    return Image("png", data)


def turns_of(
    messages: tuple[Message, ...],
    model_id: str = TAGGED,
    system: str = "",
    thinking: ThinkingMode | None = None,
) -> list[tuple[object, ...]]:
    """The turns, shortened: text, then images, answers, tool uses, reasoning if any."""
    prompt = Prompt("m", messages, system=system, tools=(READ,), thinking=thinking)
    request = encode_prompt(
        prompt,
        model=resolve(model_id, family_fallback=False),
        profile_arn="",
        agent_continuation_id="0c1d0c1d-0c1d-4c1d-8c1d-0c1d0c1d0c1d",
        max_description=10_000,
    ).request
    check_request(request)
    state = request["conversationState"]
    return [
        _short(turn) for turn in [*state.get("history", []), state["currentMessage"]]
    ]


def _short(turn: dict) -> tuple[object, ...]:
    ((kind, message),) = turn.items()
    short: list[object] = [message["content"]]
    if kind == "userInputMessage":
        if "images" in message:
            short.append([image["source"]["bytes"] for image in message["images"]])
        for answer in message.get("userInputMessageContext", {}).get("toolResults", []):
            texts = [block["text"] for block in answer["content"]]
            short.append((answer["toolUseId"], answer["status"], *texts))
    else:
        short += [call["toolUseId"] for call in message.get("toolUses", [])]
        if "reasoningContent" in message:
            short.append(message["reasoningContent"])
    return tuple(short)


def answer(id: str, *texts: str) -> tuple[str, ...]:
    return (id, "success", *texts)


CONVERSATIONS: dict[str, tuple[tuple[Message, ...], list[tuple[object, ...]]]] = {
    "R-ALTERNATE: one that needs nothing": (
        (user("a"), bot("b"), user("c")),
        [("a",), ("b",), ("c",)],
    ),
    "R-MERGE: neighbours of one side": (
        (user("a"), user("b", "c"), bot("d"), bot("e"), user("f")),
        [("a\nb\nc",), ("d\ne",), ("f",)],
    ),
    "R-EMPTY: empty messages, blank texts": (
        (user("a"), bot(""), user(" "), bot(), bot("b"), user(), bot("c"), user("d")),
        [("a",), ("b\nc",), ("d",)],
    ),
    "R-EMPTY: the last message is empty": (
        (user("a"), bot("b"), user(" ")),
        [("a",), ("b",), (EMPTY,)],
    ),
    "R-EMPTY: nothing at all": ((), [(EMPTY,)]),
    "R-ENDS: the assistant begins": (
        (bot("a"), user("b")),
        [(START,), ("a",), ("b",)],
    ),
    "R-PREFILL: the assistant has the last word": (
        (user("a"), bot("{")),
        [("a",), ("{",), (CONTINUE,)],
    ),
    "R-SYSTEM-TURN: after the user": (
        (user("a"), said("system", "s"), bot("b"), user("c")),
        [("a\ns",), ("b",), ("c",)],
    ),
    "R-SYSTEM-TURN: between a call and its result": (
        (user("a"), bot(use("t1")), said("system", "s"), user(result("t1", "r"))),
        [("a",), ("", "t1"), ("s", answer("t1", "r"))],
    ),
    "R-SYSTEM-TURN: between two of the assistant": (
        (user("a"), bot("b"), said("system", "s"), bot("c"), user("d")),
        [("a",), ("b",), ("s",), ("c",), ("d",)],
    ),
    "R-PAIR: a tool round trip": (
        (user("a"), bot("b", use("t1", p=1)), user(result("t1", "r"))),
        [("a",), ("b", "t1"), ("", answer("t1", "r"))],
    ),
    "R-PAIR: text beside the results is kept": (
        (user("a"), bot(use("t1")), user("x", result("t1", "r"), "y")),
        [("a",), ("", "t1"), ("x\ny", answer("t1", "r"))],
    ),
    "R-PAIR: results in the order of the calls": (
        (
            user("a"),
            bot(use("t1"), use("t2")),
            user(result("t2", "r2"), result("t1", "r1")),
        ),
        [("a",), ("", "t1", "t2"), ("", answer("t1", "r1"), answer("t2", "r2"))],
    ),
    "R-PAIR: results in two messages": (
        (
            user("a"),
            bot(use("t1"), use("t2")),
            user(result("t1", "r1")),
            user(result("t2", "r2"), "x"),
        ),
        [("a",), ("", "t1", "t2"), ("x", answer("t1", "r1"), answer("t2", "r2"))],
    ),
    "R-PAIR: calls in two messages": (
        (
            user("a"),
            bot(use("t1")),
            bot("b", use("t2")),
            user(result("t1", "r1"), result("t2", "r2")),
        ),
        [("a",), ("b", "t1", "t2"), ("", answer("t1", "r1"), answer("t2", "r2"))],
    ),
    "R-PAIR: a result that comes too late": (
        (
            user("a"),
            bot(use("t1"), use("t2")),
            user(result("t1", "r1")),
            bot("b"),
            user(result("t2", "r2")),
        ),
        [
            ("a",),
            ("", "t1", "t2"),
            ("", answer("t1", "r1"), answer("t2", "r2")),
            ("b",),
            ("(The result of Read stands above, with its call.)",),
        ],
    ),
    "R-PAIR: two results for one call": (
        (
            user("a"),
            bot(use("t1")),
            user(result("t1", "r"), result("t1", "r"), result("t1", "s", error=True)),
        ),
        [("a",), ("", "t1"), ("", ("t1", "error", "r", "s"))],
    ),
    "R-RESULT-MISSING: of two calls, one": (
        (user("a"), bot(use("t1"), use("t2")), user(result("t2", "r"))),
        [
            ("a",),
            ("", "t1", "t2"),
            ("", ("t1", "error", INTERRUPTED), answer("t2", "r")),
        ],
    ),
    "R-RESULT-MISSING: the user talks instead": (
        (user("a"), bot(use("t1")), user("b"), bot("c"), user("d")),
        [("a",), ("", "t1"), ("b", ("t1", "error", INTERRUPTED)), ("c",), ("d",)],
    ),
    "R-RESULT-MISSING: the conversation ends": (
        (user("a"), bot("b", use("t1"))),
        [("a",), ("b", "t1"), ("", ("t1", "error", INTERRUPTED))],
    ),
    "R-RESULT-EMPTY": (
        (
            user("a"),
            bot(use("t1"), use("t2")),
            user(result("t1"), result("t2", "", " ")),
        ),
        [
            ("a",),
            ("", "t1", "t2"),
            ("", answer("t1", EMPTY_RESULT), answer("t2", EMPTY_RESULT)),
        ],
    ),
    "R-RESULT-EMPTY: blank among others": (
        (user("a"), bot(use("t1")), user(result("t1", "", "r", error=True))),
        [("a",), ("", "t1"), ("", ("t1", "error", "r"))],
    ),
    "R-ORPHAN: a result of no call": (
        (
            user("a", result("t9", "r", png("1"))),
            bot("b"),
            user(result("t8", error=True)),
        ),
        [
            ("a\n(Result of the tool call t9:)\nr", ["1"]),
            ("b",),
            ("(Error of the tool call t8:)",),
        ],
    ),
    "R-ORPHAN: a result before its call": (
        (user(result("t1", "r")), bot(use("t1")), user("b")),
        [
            ("(Result of the tool call t1:)\nr",),
            ("", "t1"),
            ("b", ("t1", "error", INTERRUPTED)),
        ],
    ),
    "R-DUPLICATE: the same call twice": (
        (user("a"), bot(use("t1"), use("t1")), user(result("t1", "r"))),
        [("a",), ("", "t1"), ("", answer("t1", "r"))],
    ),
    "R-DUPLICATE: one id for two calls": (
        (
            user("a"),
            bot(use("t1", p=1), use("t1", p=2)),
            user(result("t1", "r1"), result("t1", "r2")),
        ),
        [
            ("a",),
            ("", "t1", "t1_1_dce0018e"),
            ("", answer("t1", "r1"), answer("t1_1_dce0018e", "r2")),
        ],
    ),
    "R-DUPLICATE: one id in two turns": (
        (
            user("a"),
            bot(use("t1")),
            user(result("t1", "r1")),
            bot(use("t1")),
            user(result("t1", "r2")),
        ),
        [
            ("a",),
            ("", "t1"),
            ("", answer("t1", "r1")),
            ("", "t1_1_dce0018e"),
            ("", answer("t1_1_dce0018e", "r2")),
        ],
    ),
    "R-ID: an id that does not fit": (
        (user("a"), bot(use("call:1")), user(result("call:1", "r"))),
        [
            ("a",),
            ("", "call_1_0af63155"),
            ("", answer("call_1_0af63155", "r")),
        ],
    ),
    "R-BLANK: nothing but an image": (
        (user(png("1")),),
        [(IMAGES_ALONE, ["1"])],
    ),
    "R-IMAGE-LIFT: the user's own stay where they are": (
        (user("a", png("1"), png("2")), bot("b"), user("c", png("3"))),
        [("a", ["1", "2"]), ("b",), ("c", ["3"])],
    ),
    "R-IMAGE-LIFT: one from a tool": (
        (user("a"), bot(use("t1")), user(result("t1", "r", png("1")))),
        [
            ("a",),
            ("", "t1"),
            ("", ["1"], answer("t1", "r", "(the image of this message)")),
        ],
    ),
    "R-IMAGE-LEGEND: several, in the order of the calls, then the user's": (
        (
            user("a"),
            bot(use("t1"), use("t2")),
            user(png("4"), result("t2", png("3")), result("t1", png("1"), png("2"))),
        ),
        [
            ("a",),
            ("", "t1", "t2"),
            (
                "(Images of this message: 1 from Read t1; 2 from Read t1; "
                "3 from Read t2; 4 from the user.)",
                ["1", "2", "3", "4"],
                answer("t1", "(image 1 of this message)", "(image 2 of this message)"),
                answer("t2", "(image 3 of this message)"),
            ),
        ],
    ),
    "R-IMAGE-LIMIT: the newest ten": (
        (
            user("a"),
            bot(use("t1")),
            user(
                result("t1", png("1"), png("2")), *(png(str(n)) for n in range(3, 13))
            ),
        ),
        [
            ("a",),
            ("", "t1"),
            (
                "(Images left out: 2. A message takes 10, the newest.)\n"
                "(Images of this message: 1 from the user; 2 from the user; "
                "3 from the user; 4 from the user; 5 from the user; 6 from the user; "
                "7 from the user; 8 from the user; 9 from the user; 10 from the user.)",
                [str(n) for n in range(3, 13)],
                answer(
                    "t1",
                    "(an image that was left out)",
                    "(an image that was left out)",
                ),
            ),
        ],
    ),
    "R-DOCUMENT": (
        (
            user("a", Document("notes.txt", "n")),
            bot(use("t1")),
            user(result("t1", Document("d.pdf", "p"))),
        ),
        [
            ("a\n[Document: notes.txt]\nn",),
            ("", "t1"),
            ("", answer("t1", "[Document: d.pdf]\np")),
        ],
    ),
    "R-DOCUMENT: what nobody has read": (
        (
            user(File("application/pdf", "d.pdf", "JVBERi0="), "a"),
            bot(use("t1")),
            user(result("t1", RemoteImage("https://example.org/cat.png"))),
        ),
        [
            ("[Document: d.pdf]\n(not read)\na",),
            ("", "t1"),
            ("", answer("t1", "[Image: https://example.org/cat.png]\n(not fetched)")),
        ],
    ),
    "R-SIDE: parts on the wrong side": (
        (bot("a", png("1"), result("t1", "r")), user(use("t2"), "b")),
        [
            (START,),
            ("a",),
            ("(Result of the tool call t1:)\nr", ["1"]),
            ("", "t2"),
            ("b", ("t2", "error", INTERRUPTED)),
        ],
    ),
}


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_a_conversation_is_arranged(conversation):
    messages, turns = CONVERSATIONS[conversation]
    assert turns_of(messages) == turns


@pytest.mark.parametrize(
    ("messages", "turns"),
    [
        ((user("a"), bot("b"), user("c")), [("S\n\na",), ("b",), ("c",)]),
        ((user("a"),), [("S\n\na",)]),
        ((bot("b"), user("c")), [("S",), ("b",), ("c",)]),
        ((user(png("1")),), [("S\n", ["1"])]),
        ((), [("S",)]),
    ],
)
def test_the_system_text_opens_the_first_turn(messages, turns):
    """R-SYSTEM"""
    assert turns_of(messages, system="S") == turns


def test_a_model_without_eyes_is_told_of_the_images():
    """R-IMAGE-LIMIT"""
    messages = (user("a", png("1")), bot(use("t1")), user(result("t1", png("2"))))
    assert turns_of(messages, BLIND) == [
        ("a\n(Images left out: 1. This model takes none.)",),
        ("", "t1"),
        (
            "(Images left out: 1. This model takes none.)",
            answer("t1", "(an image that was left out)"),
        ),
    ]


SIGNED, UNSIGNED = Thinking("hm", "sig"), Thinking("hm")
REDACTED = RedactedThinking("AAAA")
REASONING = {"reasoningText": {"text": "hm", "signature": "sig"}}
ENABLED, DISABLED = ThinkingMode("enabled", 5_000), ThinkingMode("disabled")
ASKED = (
    "<thinking_mode>enabled</thinking_mode>"
    "<max_thinking_length>5000</max_thinking_length>\n\na"
)

THOUGHTS = [
    (NATIVE, None, (SIGNED, "b"), ("b", REASONING)),
    (NATIVE, ENABLED, (SIGNED, "b"), ("b", REASONING)),
    (NATIVE, DISABLED, (SIGNED, "b"), ("b",)),
    (NATIVE, None, (UNSIGNED, "b"), ("b",)),
    (NATIVE, None, ("b", SIGNED), ("b", REASONING)),
    (NATIVE, None, (REDACTED, "b"), ("b", {"redactedContent": "AAAA"})),
    (NATIVE, None, (SIGNED, REDACTED, Thinking("later", "s2"), "b"), ("b", REASONING)),
    (NATIVE, None, ("b", SIGNED, Thinking("later", "s2")), ("b", REASONING)),
    (TAGGED, ENABLED, (SIGNED, "b"), ("<thinking>hm</thinking>\n\nb",)),
    (TAGGED, ENABLED, (UNSIGNED, REDACTED, "b"), ("<thinking>hm</thinking>\n\nb",)),
    (TAGGED, ENABLED, (Thinking(" ", "s"), "b"), ("b",)),
    (TAGGED, None, (SIGNED, "b"), ("b",)),
    (BLIND, ENABLED, (SIGNED, REDACTED, "b"), ("b",)),
]


@pytest.mark.parametrize(("model_id", "thinking", "parts", "turn"), THOUGHTS)
def test_thinking_goes_back_as_the_model_takes_it(model_id, thinking, parts, turn):
    """R-THINKING"""
    messages = (user("a"), bot(*parts), user("c"))
    first, second, third = turns_of(messages, model_id, thinking=thinking)
    assert (second, third) == (turn, ("c",))
    tagged = model_id == TAGGED and thinking is ENABLED
    assert first == ((ASKED,) if tagged else ("a",))


def test_thinking_alone_is_no_turn():
    messages = (user("a"), bot(SIGNED), user("b"), bot("c"), user("d"))
    assert turns_of(messages, NATIVE) == [("a\nb",), ("c",), ("d",)]


def test_reasoning_stays_with_its_tool_use():
    messages = (user("a"), bot(SIGNED, use("t1")), user(result("t1", "r")))
    assert turns_of(messages, NATIVE) == [
        ("a",),
        ("", "t1", REASONING),
        ("", answer("t1", "r")),
    ]


def test_a_property_without_a_name_is_left_out():
    """R-INPUT-KEY"""
    messages = (user("a"), bot(ToolUse("t1", "Read", {"": 1, "p": 2})), user("b"))
    encoded = encode_prompt(
        Prompt("m", messages),
        model=resolve(TAGGED, family_fallback=False),
        profile_arn="",
        agent_continuation_id="0c1d0c1d-0c1d-4c1d-8c1d-0c1d0c1d0c1d",
        max_description=10_000,
    )
    check_request(encoded.request)
    (_, turn) = encoded.request["conversationState"]["history"]
    (call,) = turn["assistantResponseMessage"]["toolUses"]
    assert call["input"] == {"p": 2}
