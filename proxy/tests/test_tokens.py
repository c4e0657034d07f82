"""Counting and estimating tokens."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import tokens
from proxy.catalog import resolve
from proxy.messages import (
    Document,
    File,
    Image,
    Message,
    Prompt,
    RedactedThinking,
    RemoteImage,
    Text,
    Thinking,
    Tool,
    ToolResult,
    ToolUse,
)

MODEL = resolve("claude-sonnet-4.6", family_fallback=False)
LONG = "The quick brown fox jumps over the lazy dog. " * 30


def picture(width: int, height: int) -> Image:
    """The beginning of a PNG: as much as its size is told by."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    data = b"\x89PNG\r\n\x1a\n" + chunk + bytes(30)
    return Image("png", base64.b64encode(data).decode())


def asked(*parts, **wishes) -> Prompt:
    return Prompt("claude", (Message("user", parts),), **wishes)


def estimate(prompt: Prompt) -> int:
    return tokens.estimate(prompt, MODEL)


def test_the_documented_example_is_met():
    prompt = asked(Text("Hello, Claude"), system="You are a scientist")
    assert estimate(prompt) == pytest.approx(14, abs=5)


EVERYTHING = {
    "text": asked(Text(LONG)),
    "system": asked(Text("Hi"), system=LONG),
    "a document": asked(Document("Report", LONG)),
    "a document's title": asked(Document(LONG, "")),
    "thinking": asked(Thinking(LONG, "signature")),
    "a tool use": asked(ToolUse("a", "Write", {"text": LONG})),
    "a tool result": asked(ToolResult("a", (Text(LONG),))),
    "a document in a tool result": asked(ToolResult("a", (Document("", LONG),))),
    "a tool's description": asked(Text("Hi"), tools=(Tool("a", LONG, {}),)),
    "a tool's properties": asked(
        Text("Hi"),
        tools=(Tool("a", "", {"properties": {"b": {"description": LONG}}}),),
    ),
    "a tool's nested properties": asked(
        Text("Hi"),
        tools=(
            Tool(
                "a",
                "",
                {"anyOf": [{"properties": {"b": {"items": {"description": LONG}}}}]},
            ),
        ),
    ),
    "an image": asked(picture(800, 600)),
    "an image in a tool result": asked(ToolResult("a", (picture(800, 600),))),
    "an image elsewhere": asked(RemoteImage("https://example.com/a.png")),
    "a file": asked(File("application/pdf", "Report", "A" * 40_000)),
}


@pytest.mark.parametrize("what", EVERYTHING)
def test_it_counts(what):
    assert estimate(EVERYTHING[what]) > 200


@pytest.mark.parametrize("what", EVERYTHING)
def test_the_same_prompt_is_the_same_count(what):
    prompt = EVERYTHING[what]
    assert estimate(prompt) == estimate(replace(prompt))


@given(
    texts=st.lists(st.text(max_size=300), min_size=1, max_size=5),
    more=st.text(max_size=300),
)
def test_another_message_never_makes_it_less(texts, more):
    messages = tuple(Message("user", (Text(text),)) for text in texts)
    before = estimate(Prompt("claude", messages))
    after = estimate(Prompt("claude", (*messages, Message("assistant", (Text(more),)))))
    assert after > before


@given(names=st.lists(st.text("abc", min_size=1), min_size=1, max_size=5))
def test_another_tool_never_makes_it_less(names):
    tools = tuple(Tool(name, "does it", {"type": "object"}) for name in names)
    counts = [
        estimate(asked(Text("Hi"), tools=tools[:most]))
        for most in range(len(tools) + 1)
    ]
    assert counts == sorted(set(counts))


@pytest.mark.parametrize(
    ("width", "height", "count"),
    [
        (1, 1, 1),
        (75, 100, 10),
        (1000, 750, 1000),
        (750, 1000, 1000),
        (1568, 784, 1600),
        (3136, 100, 105),
        (8000, 8000, tokens.IMAGE_MOST),
    ],
)
def test_an_image_costs_its_area(width, height, count):
    with_image = estimate(asked(picture(width, height)))
    assert with_image - estimate(asked()) == count


def test_an_image_whose_size_cannot_be_read_costs_the_most():
    damaged = Image("png", "iVBORw0KGgo=")
    assert estimate(asked(damaged)) == tokens.IMAGE_MOST + estimate(asked())


def test_redacted_thinking_is_free():
    assert estimate(asked(RedactedThinking(LONG))) == estimate(asked())


def test_a_text_costs_more_where_the_vocabulary_is_finer():
    counts = [
        tokens.count_text(LONG, model_id)
        for model_id in ("gpt-5.6-sol", "claude-sonnet-4.6", "claude-opus-5.5")
    ]
    assert counts == sorted(set(counts))
    assert tokens.count_text(LONG, "CLAUDE_SONNET_4_20250514_V1_0") == counts[1]


def test_what_upstream_said_of_earlier_estimates_scales_the_next():
    prompt = asked(Text(LONG))
    learned = replace(MODEL, token_ratio=1.1)
    scaled = tokens.estimate(prompt, learned)
    assert scaled == pytest.approx(estimate(prompt) * 1.1, abs=1)


def test_the_memory_of_counted_texts_is_bounded_and_does_no_harm():
    counts = [tokens.vocabulary_count(LONG + str(number)) for number in range(50)]
    again = [tokens.vocabulary_count(LONG + str(number)) for number in range(50)]
    assert counts == again
    for number in range(tokens.REMEMBERED_MOST + 10):
        tokens.vocabulary_count(f"{number:250}")
    assert len(tokens._remembered) == tokens.REMEMBERED_MOST
    assert tokens.vocabulary_count(LONG + "0") == counts[0]
