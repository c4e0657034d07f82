"""One POST to a sign-in service: JSON, bounded in time and size."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import httpx

from accounts import regions
from accounts.answers import Answer
from accounts.signin.answers import NotSignedIn
from kiro2api import http

CALL_SECONDS = 20.0
LARGEST_ANSWER = 1024 * 1024
HEADERS = {
    "accept": "application/json",
    # Not compressed: the limit on size is one on what arrives.
    "accept-encoding": "identity",
    "content-type": "application/json",
}


async def post(url: str, body: Mapping[str, object], proxy_url: str) -> Answer:
    """Raises NotSignedIn when no answer can be had."""
    content = json.dumps(body).encode()
    try:
        async with asyncio.timeout(CALL_SECONDS):
            try:
                return await _send(url, content, proxy_url)
            except (httpx.ReadTimeout, httpx.ProxyError):
                raise
            except httpx.TransportError:
                # A kept connection may have been closed by the other side meanwhile.
                return await _send(url, content, proxy_url)
    except httpx.ProxyError:
        raise NotSignedIn("proxy") from None
    except (httpx.RequestError, TimeoutError):
        raise NotSignedIn("away") from None


async def _send(url: str, content: bytes, proxy_url: str) -> Answer:
    client = http.client(proxy_url)
    request = client.build_request("POST", url, headers=HEADERS, content=content)
    response = await client.send(request, stream=True)
    try:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise httpx.DecodingError("answer too large", request=request)
    finally:
        await response.aclose()
    return Answer(response.status_code, response.headers, bytes(body))


def address(template: str, region: str) -> str:
    """A service's address in a region. Nothing but a region gets into a host name."""
    if not regions.is_region(region):
        raise NotSignedIn("region")
    return template.replace("{region}", region)
