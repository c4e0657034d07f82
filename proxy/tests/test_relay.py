"""A reply on its way to the client."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from proxy.anthropic.encoder import MessageStream
from proxy.errors import ModelOverloaded
from proxy.exchange import CLIENT_GONE, Exchange
from proxy.gateway import OpenReply
from proxy.pump import Batch, Pump
from proxy.relay import ReplyStream
from proxy.tests.events import reply as whole_reply
from proxy.tests.events import text

HELLO = whole_reply(text("Hello"))
STARTED = HELLO[:2]


class Upstream:
    """A reply that a test lets go on step by step."""

    def __init__(self, *batches: Batch | Exception) -> None:
        self.go_on = asyncio.Event()
        self.ended = asyncio.Event()
        self._batches = batches

    async def reply(self, exchange: Exchange) -> OpenReply:
        return OpenReply(Pump(self._read()), exchange, input_tokens=12)

    async def _read(self) -> AsyncGenerator[Batch, None]:
        try:
            for batch in self._batches:
                if isinstance(batch, Exception):
                    raise batch
                yield batch
            await self.go_on.wait()
        finally:
            self.ended.set()


@pytest.fixture
def exchange() -> Exchange:
    return Exchange("req_1", "POST", "/v1/messages", unhonoured=("top_k",))


async def streamed(reply: OpenReply, ping_seconds: float = 60.0):
    encoder = MessageStream("claude", reply.input_tokens, reply.exchange.request_id)
    response = ReplyStream(reply, encoder, ping_seconds)
    return response, response.streaming_content


def names(chunk: bytes) -> list[str]:
    return [
        line.removeprefix("event: ")
        for line in chunk.decode().splitlines()
        if line.startswith("event: ")
    ]


async def test_a_whole_reply(exchange, caplog):
    caplog.set_level(logging.INFO)
    upstream = Upstream(HELLO)
    upstream.go_on.set()
    reply = await upstream.reply(exchange)
    assert await reply.wait(10)
    response, content = await streamed(reply)
    sent = b"".join([chunk async for chunk in content])
    assert names(sent) == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert response["Content-Type"] == "text/event-stream; charset=utf-8"
    assert response["Cache-Control"] == "no-cache"
    assert response["X-Accel-Buffering"] == "no"
    assert response["x-kiro2api-unhonoured"] == "top_k"
    assert [record.request_id for record in caplog.records] == ["req_1"]


async def test_a_reply_that_has_not_begun_opens_with_a_ping(exchange):
    upstream = Upstream()
    reply = await upstream.reply(exchange)
    assert not await reply.wait(0)
    _, content = await streamed(reply)
    async with aclosing(content):
        assert names(await anext(content)) == ["message_start", "ping"]


@pytest.mark.parametrize("batches", [(), (STARTED,)])
async def test_silence_is_filled_with_pings(exchange, batches):
    upstream = Upstream(*batches)
    reply = await upstream.reply(exchange)
    _, content = await streamed(reply, ping_seconds=0.001)
    seen: list[str] = []
    async with aclosing(content):
        while seen.count("ping") < 3:
            seen += names(await anext(content))
    assert seen.count("message_start") == 1
    assert seen[-2:] == ["ping", "ping"]


async def test_a_failure_in_the_middle_is_an_error_event(exchange):
    upstream = Upstream(STARTED, ModelOverloaded("no capacity"))
    reply = await upstream.reply(exchange)
    _, content = await streamed(reply)
    sent = b"".join([chunk async for chunk in content])
    assert names(sent)[-2:] == ["content_block_stop", "error"]
    error = json.loads(sent.splitlines()[-2].removeprefix(b"data: "))
    assert error["error"] == {"type": "overloaded_error", "message": "no capacity"}
    assert exchange.error == "ModelOverloaded"
    assert upstream.ended.is_set()


async def test_a_fault_of_our_own_is_told_without_its_words(exchange, caplog):
    upstream = Upstream(STARTED, ValueError("a secret"))
    reply = await upstream.reply(exchange)
    _, content = await streamed(reply)
    sent = b"".join([chunk async for chunk in content])
    assert b"api_error" in sent
    assert b"secret" not in sent
    assert exchange.error == "broken"
    assert "a reply broke in the gateway" in caplog.text


async def test_a_client_that_hangs_up_ends_the_upstream_call(exchange, caplog):
    caplog.set_level(logging.INFO)
    upstream = Upstream(STARTED)
    reply = await upstream.reply(exchange)
    _, content = await streamed(reply)

    assert names(await anext(content)) == ["message_start", "ping"]
    assert names(await anext(content))[0] == "content_block_start"
    reading = asyncio.create_task(anext(content))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert upstream.ended.is_set()
    assert exchange.error == CLIENT_GONE
    assert len(caplog.records) == 1


@pytest.mark.parametrize("chunks", [0, 1, 2])
async def test_a_response_that_is_closed_early_ends_the_call(exchange, chunks):
    upstream = Upstream(STARTED)
    reply = await upstream.reply(exchange)
    assert await reply.wait(10)
    response, content = await streamed(reply)
    async with aclosing(content):
        for _ in range(chunks):
            await anext(content)
        response.close()
        await asyncio.wait_for(upstream.ended.wait(), 10)


async def test_empty_chunks_are_never_sent(exchange):
    upstream = Upstream(STARTED, HELLO[2:])
    upstream.go_on.set()
    reply = await upstream.reply(exchange)
    _, content = await streamed(reply)
    async for chunk in content:
        assert chunk
