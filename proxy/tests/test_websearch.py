"""A chain of upstream's replies as one reply with searches."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import pytest

from proxy.errors import StreamBroken, UpstreamFailed
from proxy.messages import (
    Event,
    Finish,
    Message,
    PartDelta,
    PartEnd,
    PartStart,
    Prompt,
    SearchResult,
    ServerToolResult,
    ServerToolUse,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    Usage,
    WebSearch,
    fold,
)
from proxy.pump import Batch
from proxy.searchtool import NAME, TOOL, in_words
from proxy.tests.events import USAGE, reply, text, thought, tool
from proxy.tests.grammar import check_grammar
from proxy.websearch import with_searches

ASKED = (Message("user", (Text("Will it snow?"),)),)
PAGE = SearchResult("https://example.com/snow", "Snow", "It will.", "2026-10-01")
OTHER = SearchResult("https://blog.example.org/a/b", "Blog", "It may.")
BOTH = (PAGE, OTHER)


class World:
    """Upstream's replies in turn, and what there is to be found."""

    def __init__(
        self,
        *replies: Sequence[Event] | Exception,
        found: tuple[SearchResult, ...] | Exception = BOTH,
    ) -> None:
        self.prompts: list[Prompt] = []
        self.queries: list[str] = []
        self.batches: list[Batch] = []
        self._replies = iter(replies)
        self._found = found

    async def call(self, prompt: Prompt) -> AsyncGenerator[Batch, None]:
        self.prompts.append(prompt)
        said = next(self._replies)
        if isinstance(said, Exception):
            raise said
        for event in said:
            yield [event]

    async def search(self, query: str) -> tuple[SearchResult, ...]:
        self.queries.append(query)
        if isinstance(self._found, Exception):
            raise self._found
        return self._found

    async def events(self, wish: WebSearch | None = None, **wishes) -> list[Event]:
        wish = wish or WebSearch()
        prompt = Prompt("claude", ASKED, web_search=wish, **wishes)
        chain = with_searches(prompt, wish, self.call, self.search)
        async for batch in chain:
            self.batches.append(batch)
        return check_grammar([event for batch in self.batches for event in batch])


def searched(query: str = "snow", id: str = "s1"):
    return tool(NAME, '{"query":', f'"{query}"}}', id=id)


def asking(*parts, usage: Usage = USAGE):
    return reply(*parts, reason="tool_use", usage=usage)


ANSWER = reply(text("It will."))


async def test_a_reply_without_a_search_stays_as_it_is():
    world = World(ANSWER)
    assert await world.events() == ANSWER
    assert world.queries == []


async def test_the_search_is_offered_beside_the_clients_tools():
    read = Tool("Read", "", {})
    world = World(ANSWER)
    await world.events(tools=(read,))
    assert world.prompts[0].tools == (read, TOOL)


async def test_a_search_and_the_answer_are_one_reply():
    world = World(
        asking(thought("Hm"), searched()),
        reply(text("It ", "will.")),
    )
    assert await world.events() == [
        PartStart(0, Thinking("")),
        PartDelta(0, "Hm"),
        PartEnd(0),
        PartStart(1, ServerToolUse("s1", NAME, {})),
        PartDelta(1, '{"query":'),
        PartDelta(1, '"snow"}'),
        PartEnd(1),
        PartStart(2, ServerToolResult("s1", BOTH)),
        PartEnd(2),
        PartStart(3, Text("")),
        PartDelta(3, "It "),
        PartDelta(3, "will."),
        PartEnd(3),
        Finish("end", USAGE + USAGE + Usage(searches=1)),
    ]
    assert world.queries == ["snow"]


async def test_the_next_reply_is_asked_for_with_what_was_found():
    world = World(asking(text("I look."), searched()), ANSWER)
    await world.events()
    assert world.prompts[1].messages == (
        *ASKED,
        Message("assistant", (Text("I look."), ToolUse("s1", NAME, {"query": "snow"}))),
        Message("user", (ToolResult("s1", (Text(in_words(BOTH)),)),)),
    )


async def test_what_is_searched_for_is_shown_before_it_is_found():
    world = World(asking(searched()), ANSWER)
    await world.events()
    shown = [batch[-1] for batch in world.batches]
    assert shown.index(PartEnd(0)) < shown.index(PartEnd(1))


async def test_several_searches_in_one_reply():
    world = World(asking(searched("snow", "s1"), searched("rain", "s2")), ANSWER)
    events = await world.events()
    assert world.queries == ["snow", "rain"]
    assert [type(part) for part in fold(events).parts] == [
        ServerToolUse,
        ServerToolResult,
        ServerToolUse,
        ServerToolResult,
        Text,
    ]
    found = (Text(in_words(BOTH)),)
    assert world.prompts[1].messages[-1].parts == (
        ToolResult("s1", found),
        ToolResult("s2", found),
    )


async def test_several_replies_with_searches():
    world = World(asking(searched(id="s1")), asking(searched(id="s2")), ANSWER)
    events = await world.events()
    assert len(world.prompts[2].messages) == 5
    assert fold(events).whole.usage == USAGE + USAGE + USAGE + Usage(searches=2)


async def test_a_reply_that_calls_the_clients_tools_too_ends_there():
    world = World(asking(searched(), tool("Read", "{}")))
    events = await world.events()
    assert [type(part) for part in fold(events).parts] == [
        ServerToolUse,
        ServerToolResult,
        ToolUse,
    ]
    assert fold(events).whole.reason == "tool_use"


async def test_a_reply_that_calls_the_clients_tools_only_ends_there():
    calling = asking(tool("Read", "{}"))
    assert await World(calling).events() == calling


@pytest.mark.parametrize("reason", ["token_limit", "stop_sequence", "refusal"])
async def test_a_reply_that_ended_for_another_reason_is_not_gone_on_with(reason):
    world = World(reply(searched(), reason=reason))
    assert fold(await world.events()).whole.reason == reason


async def test_a_search_that_was_cut_is_not_done():
    cut: list[Event] = [
        PartStart(0, ToolUse("s1", NAME, {})),
        PartDelta(0, '{"que'),
        Finish("token_limit", USAGE),
    ]
    world = World(cut)
    events = await world.events()
    assert events[0] == PartStart(0, ServerToolUse("s1", NAME, {}))
    assert events[-1] == Finish("token_limit", USAGE)
    assert world.queries == []


# Searches that find nothing


async def test_a_search_that_fails_is_told_to_the_client_and_to_the_model():
    world = World(asking(searched()), ANSWER, found=UpstreamFailed("no"))
    parts = fold(await world.events()).parts
    assert parts[1] == ServerToolResult("s1", (), "unavailable")
    assert parts[2] == Text("It will.")
    (result,) = world.prompts[1].messages[-1].parts
    assert isinstance(result, ToolResult)
    assert result.is_error


async def test_nothing_found_is_no_failure():
    world = World(asking(searched()), ANSWER, found=())
    assert fold(await world.events()).parts[1] == ServerToolResult("s1", ())
    (result,) = world.prompts[1].messages[-1].parts
    assert result == ToolResult("s1", (Text("Nothing was found."),))


@pytest.mark.parametrize(
    ("piece", "fault"),
    [
        ("{}", "no_query"),
        ('{"query":""}', "no_query"),
        ('{"query":"  "}', "no_query"),
        ('{"query":7}', "no_query"),
        ('{"query":"' + "x" * 201 + '"}', "query_too_long"),
    ],
)
async def test_a_query_that_cannot_be_searched_for_is_not(piece, fault):
    world = World(asking(tool(NAME, piece, id="s1")), ANSWER)
    parts = fold(await world.events()).parts
    assert parts[1] == ServerToolResult("s1", (), fault)
    assert world.queries == []


async def test_searches_are_bounded_by_the_uses_the_client_allows():
    world = World(*[asking(searched(id=f"s{n}")) for n in range(10)])
    events = await world.events(WebSearch(max_uses=2))
    assert len(world.queries) == 2
    faults = [p.fault for p in fold(events).parts if isinstance(p, ServerToolResult)]
    assert faults == [None, None, "uses_spent", "uses_spent"]
    assert fold(events).whole.reason == "end"
    assert fold(events).whole.usage.searches == 2


@pytest.mark.parametrize("max_uses", [None, 1_000])
async def test_searches_are_bounded_whatever_the_client_allows(max_uses):
    world = World(*[asking(searched(id=f"s{n}")) for n in range(1_000)])
    await world.events(WebSearch(max_uses=max_uses))
    assert len(world.queries) <= 20


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        (WebSearch(), BOTH),
        (WebSearch(allowed_domains=("example.com",)), (PAGE,)),
        (WebSearch(allowed_domains=("example.org",)), (OTHER,)),
        (WebSearch(allowed_domains=("Example.org/a",)), (OTHER,)),
        (WebSearch(allowed_domains=("example.org/b",)), ()),
        (WebSearch(allowed_domains=("ample.com",)), ()),
        (WebSearch(blocked_domains=("example.org",)), (PAGE,)),
        (WebSearch(blocked_domains=("example.com", "example.org")), ()),
    ],
)
async def test_pages_of_unwanted_domains_are_left_out(wish, found):
    world = World(asking(searched()), ANSWER)
    parts = fold(await world.events(wish)).parts
    assert parts[1] == ServerToolResult("s1", found)


# What the client wished for the reply


async def test_a_search_that_was_forced_is_forced_once():
    world = World(asking(searched()), ANSWER)
    await world.events(tool_choice=ToolChoice("named", NAME, parallel=False))
    assert [prompt.tool_choice for prompt in world.prompts] == [
        ToolChoice("named", NAME, parallel=False),
        ToolChoice(parallel=False),
    ]


async def test_the_replies_share_the_tokens_the_client_allows():
    world = World(asking(searched(), usage=Usage(10, 30)), ANSWER)
    await world.events(max_tokens=100)
    assert [prompt.max_tokens for prompt in world.prompts] == [100, 70]


async def test_no_reply_is_asked_for_when_the_tokens_are_spent():
    world = World(asking(searched(), usage=Usage(10, 100)))
    events = await world.events(max_tokens=100)
    assert fold(events).whole.reason == "token_limit"


async def test_a_failure_of_upstream_passes_through():
    world = World(asking(searched()), StreamBroken("cut"))
    with pytest.raises(StreamBroken):
        await world.events()
    seen = [event for batch in world.batches for event in batch]
    check_grammar(seen, finished=False)
    assert seen[-1] == PartEnd(1)
