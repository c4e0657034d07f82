"""The upstream's web search."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.outcomes import Credential
from proxy.codewhisperer import mcp
from proxy.errors import AccountUnusable, UpstreamFailed
from proxy.messages import SearchResult
from simulator.control import Control

ACCOUNT = {"name": "ada", "kind": "social", "refresh_token": "aor" + "1" * 100}


@pytest.fixture
def credential(simulator: Control, connections: None) -> Credential:
    simulator.set_accounts([ACCOUNT])
    return Credential(
        account_id=1,
        account="ada",
        kind="social",
        access_token=simulator.issue_access_token("ada"),
        profile_arn=simulator.account("ada")["profile_arn"],
    )


async def test_it_finds_pages(credential: Credential, simulator: Control):
    assert await mcp.search(credential, "snow") == (
        SearchResult(
            "https://example.com/guide",
            "snow: guide",
            "What the guide says about snow.",
        ),
        SearchResult(
            "https://example.com/reference",
            "snow: reference",
            "What the reference says about snow.",
        ),
        SearchResult(
            "https://example.com/news",
            "snow: news",
            "What the news says about snow.",
            "2025-10-09",
        ),
    )
    (asked,) = simulator.requests(operation="InvokeMCP")
    assert asked["headers"]["x-amzn-kiro-profile-arn"] == credential.profile_arn


async def test_a_query_that_is_too_long_is_a_failure(credential: Credential):
    with pytest.raises(UpstreamFailed):
        await mcp.search(credential, "x" * 201)


async def test_a_refusal_says_what_is_wrong_with_the_account(
    credential: Credential, simulator: Control
):
    simulator.expire_access_token("ada")
    with pytest.raises(AccountUnusable):
        await mcp.search(credential, "snow")


async def test_an_answer_beyond_all_measure_is_not_read(
    credential: Credential, simulator: Control
):
    page = {"http": {"status": 200, "headers": {}, "body": "x" * mcp.ANSWER_MOST + "x"}}
    simulator.enqueue(page, operation="InvokeMCP")
    with pytest.raises(UpstreamFailed):
        await mcp.search(credential, "snow")


def answer(text: Any, **result: Any) -> bytes:
    content = [{"type": "text", "text": text}]
    body = {"jsonrpc": "2.0", "id": "1", "result": {"content": content, **result}}
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"error":{"code":-32602,"message":"no"}}',
        b'{"result":{"content":[]}}',
        b'{"result":null}',
        b"[" * 100_000,
        answer("no JSON"),
        answer("{}"),
        answer('{"results":null}'),
        answer('{"results":[],"error":"out of order"}'),
        answer('{"results":[]}', isError=True),
    ],
)
def test_an_answer_without_results_is_a_failure(body):
    with pytest.raises(UpstreamFailed):
        mcp.decode_results(body)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ({"url": "u"}, SearchResult("u", "u", "")),
        (
            {"url": "u", "title": None, "snippet": None, "publishedDate": None},
            SearchResult("u", "u", ""),
        ),
        (
            {"url": "u", "title": "t", "snippet": "s", "publishedDate": 0, "id": 1},
            SearchResult("u", "t", "s", "1970-01-01"),
        ),
        (
            {"url": "u", "title": "t", "snippet": "s", "publishedDate": 1e300},
            SearchResult("u", "t", "s"),
        ),
        (
            {"url": "u", "title": "t", "snippet": "x" * 10_000},
            SearchResult("u", "t", "x" * mcp.TEXT_MOST),
        ),
    ],
)
def test_a_page(page, expected):
    assert mcp.decode_results(answer(json.dumps({"results": [page]}))) == (expected,)


def test_a_page_without_an_address_is_left_out_and_pages_are_bounded():
    pages = [{"title": "t"}, *({"url": str(number)} for number in range(50))]
    found = mcp.decode_results(answer(json.dumps({"results": pages})))
    assert [page.url for page in found] == [str(number) for number in range(10)]
