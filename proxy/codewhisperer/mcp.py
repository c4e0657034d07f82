"""The upstream's web search: one call of a tool over JSON-RPC, at /mcp."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import msgspec
from django.conf import settings
from msgspec import Struct

from accounts import callers
from accounts.outcomes import Credential
from accounts.regions import BUILDER_ID_PROFILE
from kiro2api import http
from proxy.codewhisperer.faults import fault_from_response
from proxy.codewhisperer.hosts import data_url
from proxy.errors import UpstreamFailed, UpstreamTimeout
from proxy.messages import SearchResult

SECONDS_MOST = 30.0
ANSWER_MOST = 2 * 1024 * 1024
"""Bytes; ten results with their extracts are some 20 KB."""
RESULTS_MOST = 10
TEXT_MOST = 8_000
"""Characters of one page's extract."""


class _Content(Struct):
    text: str = ""


class _Result(Struct, rename="camel"):
    content: list[_Content] = []
    is_error: bool = False


class _Answer(Struct):
    result: _Result | None = None


class _Page(Struct, rename="camel"):
    title: str | None = None
    url: str | None = None
    snippet: str | None = None
    published_date: float | None = None
    """Milliseconds since 1970."""


class _Found(Struct):
    """The text of the answer's content, which is JSON once more."""

    results: list[_Page] | None = None
    error: Any = None


async def search(credential: Credential, query: str) -> tuple[SearchResult, ...]:
    """`query` has 200 characters at most."""
    call = {
        "jsonrpc": "2.0",
        "id": str(uuid4()),
        "method": "tools/call",
        "params": {"name": "web_search", "arguments": {"query": query}},
    }
    headers = callers.headers(credential) | {
        "content-type": "application/json",
        "x-amzn-codewhisperer-optout": "true",
    }
    profile_arn = callers.data_profile(credential)
    # The one that all Builder IDs share stands for none, and is not taken here.
    if profile_arn and profile_arn != BUILDER_ID_PROFILE:
        headers["x-amzn-kiro-profile-arn"] = profile_arn
    try:
        async with http.client(credential.proxy_url).stream(
            "POST",
            f"{data_url(credential)}/mcp",
            content=msgspec.json.encode(call),
            headers=headers,
            timeout=httpx.Timeout(
                SECONDS_MOST, connect=settings.UPSTREAM_CONNECT_TIMEOUT
            ),
        ) as response:
            body = await _whole(response)
    except httpx.ReadTimeout as error:
        raise UpstreamTimeout("upstream's search took too long") from error
    except httpx.ProxyError as error:
        raise UpstreamFailed(str(error)) from error
    except httpx.TransportError as error:
        raise UpstreamFailed("upstream's search cannot be reached") from error
    if response.status_code != 200:
        raise fault_from_response(response.status_code, response.headers, body)
    return decode_results(body)


def decode_results(body: bytes) -> tuple[SearchResult, ...]:
    try:
        result = msgspec.json.decode(body, type=_Answer).result
        if result is None or result.is_error or not result.content:
            raise UpstreamFailed("upstream's search failed")
        found = msgspec.json.decode(result.content[0].text, type=_Found)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UpstreamFailed("upstream's search gave no answer that parses") from error
    if found.error or found.results is None:
        raise UpstreamFailed("upstream's search failed")
    results = [
        SearchResult(
            page.url,
            page.title or page.url,
            (page.snippet or "")[:TEXT_MOST],
            _date(page.published_date),
        )
        for page in found.results
        if page.url
    ]
    return tuple(results[:RESULTS_MOST])


def _date(milliseconds: float | None) -> str:
    if milliseconds is None:
        return ""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


async def _whole(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > ANSWER_MOST:
            raise UpstreamFailed("upstream's search gave an answer beyond all measure")
    return body
