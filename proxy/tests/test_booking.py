"""What a request has cost, as its record and its account say it, however it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps

from clients import costs
from clients.keys import SHARED
from clients.tests.conftest import know_cost, recorded
from kiro2api.database import in_database
from proxy import settlements
from proxy.errors import GatewayError
from proxy.exchange import CLIENT_GONE, STATUS_CLIENT_GONE, Exchange
from proxy.formats import Format
from proxy.gateway import open_reply
from proxy.messages import Message, Prompt, Text, collect
from proxy.structured import whole_reply
from proxy.tests.test_relay import streamed
from simulator.control import Control

pytestmark = pytest.mark.django_db(transaction=True)

MODEL = "claude-sonnet-5"
RATE = 0.001
"""Credits for a token of input, as it was learned before."""
HELLO = {"steps": [{"text": ["Hel", "lo"]}]}
METERED = HELLO | {"tail": {"credits": [0.0123456789, 0.0000000011]}}
EXACT = Decimal("0.0123456800")


@pytest.fixture(autouse=True)
def rate(db: None) -> None:
    know_cost(MODEL, RATE)


def prompt_of(text: str = "Hi", **wishes: Any) -> Prompt:
    return Prompt(MODEL, (Message("user", (Text(text),)),), **wishes)


@pytest.fixture
def exchange() -> Exchange:
    return Exchange("req_1", "POST", "/v1/messages", client=SHARED, dialect="anthropic")


async def kept() -> Any:
    """The one record, once it is written; its account says the same."""
    while not (rows := await in_database(recorded)()):
        await settlements.close(seconds=10)
    (row,) = rows
    account = await in_database(apps.get_model("accounts.Account").objects.get)()
    if row.account_id and not row.failed:
        assert account.credits_spent == pytest.approx(float(row.credits))
    return row


def estimated(row: Any) -> Decimal:
    weight = row.input_tokens + costs.OUTPUT_WEIGHT * row.output_tokens
    return costs.exact(RATE * weight)


async def test_a_whole_reply_is_kept_to_the_last_digit(upstream, exchange):
    upstream.enqueue(METERED)
    async with await open_reply(prompt_of(conversation="c" * 36), exchange) as reply:
        await collect(reply)
    exchange.finish(200)
    row = await kept()
    assert (row.credits, row.estimated, row.failed) == (EXACT, False, False)
    assert (row.status, row.error) == (200, "")
    assert (row.key_name, row.account) == ("shared", "ann")
    assert (row.model, row.dialect, row.session) == (MODEL, "anthropic", "c" * 36)
    assert row.input_tokens and row.output_tokens and row.ttfb_ms is not None


async def test_no_record_before_both_sides_have_ended(upstream, exchange):
    async with await open_reply(prompt_of(), exchange) as reply:
        await collect(reply)
        exchange.finish(200)
        exchange.finish(499)  # the first word counts
    row = await kept()
    assert row.status == 200


async def hang_up_amidst(upstream: Control, exchange: Exchange) -> None:
    upstream.enqueue({"steps": [{"text": "Hello"}, {"gate": "never"}]})
    reply = await open_reply(prompt_of(), exchange)
    _, content = await streamed(reply)
    async for _ in content:
        break
    await content.aclose()
    upstream.open_gate("never")


async def hang_up_before_the_first_byte(upstream: Control, exchange: Exchange) -> None:
    upstream.enqueue({"steps": [{"text": "Hello"}], "gate": "never"})
    opening = asyncio.create_task(open_reply(prompt_of(), exchange))
    await asyncio.to_thread(upstream.wait_for_gate, "never")
    opening.cancel()
    await asyncio.wait((opening,))
    exchange.error = CLIENT_GONE
    exchange.finish(STATUS_CLIENT_GONE)
    upstream.open_gate("never")


async def never_read(upstream: Control, exchange: Exchange) -> None:
    """The client is gone before anything of the response is iterated."""
    upstream.enqueue({"steps": [{"text": "Hello"}, {"gate": "never"}]})
    response, _ = await streamed(await open_reply(prompt_of(), exchange))
    response.close()
    upstream.open_gate("never")


@pytest.mark.parametrize(
    ("leave", "status"),
    [
        (hang_up_amidst, 200),
        (hang_up_before_the_first_byte, 499),
        (never_read, 499),
    ],
)
async def test_who_hangs_up_pays_the_estimate(
    upstream,
    exchange,
    leave: Callable[[Control, Exchange], Awaitable[None]],
    status: int,
):
    await leave(upstream, exchange)
    row = await kept()
    assert row.status == status
    assert (row.error, row.failed, row.estimated) == (CLIENT_GONE, False, True)
    assert row.credits == estimated(row) > 0


@pytest.mark.parametrize(
    "wish", [{"max_tokens": 1}, {"stop_sequences": ("lo",)}], ids=["tokens", "stop"]
)
async def test_a_reply_that_we_end_ourselves_costs_the_estimate(
    upstream, exchange, wish
):
    upstream.enqueue({"steps": [{"text": ["Hel", "lo ", "you ", "there"]}]})
    async with await open_reply(prompt_of(**wish), exchange) as reply:
        await collect(reply)
    exchange.finish(200)
    row = await kept()
    assert row.estimated
    assert row.credits == estimated(row) > 0


@pytest.mark.parametrize(
    "broken",
    [
        {"steps": [{"text": "Hello"}], "end": "reset"},
        {"steps": [{"text": "Hello"}, {"text": "you", "corrupt": "message"}]},
        {"steps": [{"text": "Hello"}, {"exception": "InternalServerException"}]},
    ],
    ids=["reset", "damaged", "exception"],
)
async def test_a_reply_that_breaks_costs_the_estimate(upstream, exchange, broken):
    upstream.enqueue(broken)
    async with await open_reply(prompt_of(), exchange) as reply:
        with pytest.raises(GatewayError) as failure:
            await collect(reply)
    exchange.error = type(failure.value).__name__
    exchange.finish(200)
    row = await kept()
    assert (row.estimated, row.failed, row.error) == (True, True, exchange.error)
    assert row.credits == estimated(row) > 0


async def test_a_reply_that_upstream_does_not_meter_costs_the_estimate(
    upstream, exchange
):
    upstream.enqueue(HELLO | {"tail": {"credits": False}})
    async with await open_reply(prompt_of(), exchange) as reply:
        await collect(reply)
    exchange.finish(200)
    row = await kept()
    assert row.estimated
    assert row.credits > 0


async def test_a_refused_request_costs_nothing(upstream, exchange):
    with pytest.raises(GatewayError):
        await open_reply(Prompt("no-such-model", prompt_of().messages), exchange)
    exchange.error = "ModelUnknown"
    exchange.finish(404)
    row = await kept()
    assert (row.status, row.error, row.failed) == (404, "ModelUnknown", True)
    assert (row.credits, row.input_tokens, row.estimated) == (0, 0, False)
    assert (row.model, row.account_id, row.ttfb_ms) == ("", 0, None)


async def test_all_calls_of_a_request_add_up(upstream, exchange):
    """An empty answer is metered too, and asked for once more."""
    upstream.enqueue({"steps": [], "tail": {"credits": 0.25}}, METERED)
    async with await open_reply(prompt_of(), exchange) as reply:
        await collect(reply)
    exchange.finish(200)
    await settlements.close(seconds=10)
    (row,) = await in_database(recorded)()
    assert (row.credits, row.estimated) == (EXACT + Decimal("0.25"), False)


async def test_a_reply_that_is_asked_for_twice_is_one_record(upstream, exchange):
    no_json, good = HELLO, {"steps": [{"text": "{}"}]}
    upstream.enqueue(
        no_json | {"tail": {"credits": 0.25}}, good | {"tail": {"credits": 0.5}}
    )
    await whole_reply(
        prompt_of(), exchange, Format("output_config.format", {"type": "object"})
    )
    exchange.finish(200)
    row = await kept()
    assert row.credits == Decimal("0.75")


async def test_what_nobody_outside_asked_for_is_not_kept(upstream):
    exchange = Exchange("req_1", "POST", "/")
    async with await open_reply(prompt_of(), exchange) as reply:
        await collect(reply)
    exchange.finish(200)
    await settlements.close(seconds=10)
    assert await in_database(recorded)() == []


async def test_what_replies_cost_is_learned_from_them(upstream, exchange):
    for _ in range(40):
        upstream.enqueue(METERED)
        async with await open_reply(prompt_of(), exchange) as reply:
            await collect(reply)
    await settlements.close(seconds=10)
    learned = await in_database(costs.stored_rate)(MODEL)
    assert learned.credits(reply.input_tokens, learned.output) == pytest.approx(
        float(EXACT), rel=0.1
    )
