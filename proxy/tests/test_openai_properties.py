"""Conversations at random, through both of OpenAI's dialects: what leaves keeps
the service's rules, and nothing that was said is missing from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.catalog import Model, resolve
from proxy.codewhisperer.encoder import encode_prompt
from proxy.messages import Prompt
from proxy.openai.decoder import decode_request as decode_chat
from proxy.openai.schemas import ChatBody
from proxy.responses.decoder import decode_request as decode_response
from proxy.responses.decoder import items_of
from proxy.responses.schemas import ResponsesBody
from proxy.responses.tools import read_tools
from proxy.tests.upstream_rules import check_request, images_of, texts_of

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAA"
DATA_URL = f"data:image/png;base64,{PNG}"
MODELS = [
    resolve(name, family_fallback=False)
    for name in ("claude-sonnet-4-20250514", "claude-sonnet-5", "gpt-5.6-sol")
]

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
ids = st.sampled_from(["t1", "t2", "call.3", "x" * 70])
names = st.sampled_from(["weather", "time", "a tool with spaces", "n" * 80])
arguments = st.sampled_from(["", "{}", '{"city":"Oslo"}', '{"ci', "[1]", "null"])


def some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, max_size=3)


def block(kind: str, **members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"type": st.just(kind), **members})


chat_parts = st.one_of(
    block("text", text=texts),
    block("image_url", image_url=st.just({"url": DATA_URL})),
    block("image_url", image_url=st.just({"url": "https://a.example/b.png"})),
    block("hologram", depth=st.integers()),
)
chat_calls = st.fixed_dictionaries(
    {
        "id": ids,
        "type": st.just("function"),
        "function": st.fixed_dictionaries({"name": names, "arguments": arguments}),
    }
)
chat_messages = st.one_of(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "developer", "user", "assistant"]),
            "content": st.one_of(texts, st.none(), some(chat_parts)),
        },
        optional={"name": st.just("anna")},
    ),
    st.fixed_dictionaries(
        {"role": st.just("assistant"), "content": st.one_of(texts, st.none())},
        optional={
            "tool_calls": some(chat_calls),
            "function_call": st.fixed_dictionaries(
                {"name": names, "arguments": arguments}
            ),
        },
    ),
    st.fixed_dictionaries(
        {"role": st.just("tool"), "tool_call_id": ids, "content": texts}
    ),
    st.fixed_dictionaries(
        {"role": st.just("function"), "name": names, "content": texts}
    ),
)
chats = st.lists(chat_messages, min_size=1, max_size=8)

response_parts = st.one_of(
    block("input_text", text=texts),
    block("output_text", text=texts),
    block("input_image", image_url=st.just(DATA_URL)),
    block("hologram", depth=st.integers()),
)
response_items = st.one_of(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "developer", "user", "assistant"]),
            "content": st.one_of(texts, some(response_parts)),
        }
    ),
    block("function_call", call_id=ids, name=names, arguments=arguments),
    block("function_call", call_id=ids, name=names, namespace=st.just("space")),
    block("custom_tool_call", call_id=ids, name=names, input=texts),
    block("function_call_output", call_id=ids, output=st.one_of(texts, some(texts))),
    block("custom_tool_call_output", call_id=ids, output=texts),
    block("local_shell_call", call_id=ids, action=st.just({"command": ["ls"]})),
    block("reasoning", summary=some(block("summary_text", text=texts))),
    block("web_search_call", status=st.just("completed")),
)
inputs = st.one_of(texts, st.lists(response_items, min_size=1, max_size=8))


def request_for(prompt: Prompt, model: Model) -> dict[str, Any]:
    encoded = encode_prompt(
        prompt,
        model=model,
        profile_arn="",
        agent_continuation_id="0c1d0c1d-0c1d-4c1d-8c1d-0c1d0c1d0c1d",
        max_description=10_000,
    )
    check_request(encoded.request)
    return encoded.request


def spoken(value: Any) -> Iterator[str]:
    """Every text and output that stands in a conversation, but for thinking."""
    match value:
        case {"type": "reasoning"}:
            return
        case dict():
            for key in ("text", "content", "output", "input"):
                if isinstance(text := value.get(key), str):
                    yield text
                else:
                    yield from spoken(text)
        case [str(), *_]:
            yield from ()  # an output as JSON, in which texts are escaped
        case list():
            for inner in value:
                yield from spoken(inner)


def pictured(value: Any) -> bool:
    return DATA_URL in msgspec.json.encode(value).decode()


def check(conversation: Any, prompt: Prompt, model: Model) -> None:
    request = request_for(prompt, model)
    whole = texts_of(request)
    assert not {text for text in spoken(conversation) if text.strip() not in whole}
    assert pictured(conversation) == bool(images_of(request))


@settings(deadline=None)
@given(chats, st.sampled_from(MODELS))
def test_every_chat_leaves_whole(messages: list[Any], model: Model):
    body = msgspec.convert({"model": "m", "messages": messages}, ChatBody)
    check(messages, decode_chat(body), model)


@settings(deadline=None)
@given(inputs, st.sampled_from(MODELS))
def test_every_response_input_leaves_whole(written: Any, model: Model):
    body = msgspec.convert({"model": "m", "input": written}, ResponsesBody)
    items = items_of(body)
    prompt = decode_response(body, items, read_tools(body, items))
    check(items, prompt, model)
