"""Alerts as a POST of JSON: ours, or what the robots of chats take."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import httpx
import msgspec

from dashboard.alerts import results, words
from dashboard.alerts.events import News
from dashboard.alerts.results import Result
from dashboard.models import AlertChannel
from kiro2api import VERSION, http

SECONDS = 10.0
ANSWER_BYTES = 64 * 1024

Formats = AlertChannel.Formats


def body(form: str, news: News, at: datetime) -> dict[str, Any]:
    told = words.told(news)
    document = {
        "event": news.event,
        "title": told.title,
        "text": told.text,
        "account": news.account,
        "key": news.key,
        "at": at.isoformat(timespec="seconds"),
        "url": words.link(news),
    }
    lines = [f"kiro2api: {told.title}", told.text, document["url"]]
    return BODIES[form](document, "\n".join(filter(None, lines)))


# "<" would let the name of a key or an account call for everybody's attention.
BODIES: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
    Formats.JSON: lambda document, text: document,
    Formats.SLACK: lambda document, text: {
        "text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    },
    Formats.FEISHU: lambda document, text: {
        "msg_type": "text",
        "content": {"text": text.replace("<", "＜")},
    },
    Formats.DINGTALK: lambda document, text: {
        "msgtype": "text",
        "text": {"content": text},
    },
}
# Where the answer says whether the robot took it: not 0, with status 200 all the same.
CODES: Mapping[str, str] = {Formats.FEISHU: "code", Formats.DINGTALK: "errcode"}


def signature(secret: str, timestamp: str, content: bytes) -> str:
    """HMAC-SHA256 over the time, a dot and the body, as hex."""
    signed = timestamp.encode() + b"." + content
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


async def post(channel: AlertChannel, news: News, at: datetime) -> Result:
    """`channel` with its secrets. Takes SECONDS at most and follows no redirect."""
    content = msgspec.json.encode(body(channel.format, news, at))
    headers = {
        "content-type": "application/json",
        "user-agent": f"kiro2api/{VERSION}",
    }
    if channel.secret:
        timestamp = str(int(time.time()))
        headers["x-kiro2api-timestamp"] = timestamp
        signed = signature(channel.secret, timestamp, content)
        headers["x-kiro2api-signature"] = f"sha256={signed}"
    try:
        async with asyncio.timeout(SECONDS):
            return await _post(channel.url, content, headers, CODES.get(channel.format))
    except TimeoutError:
        return "timeout"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return results.of_fault(error)


async def _post(
    url: str, content: bytes, headers: Mapping[str, str], code: str | None
) -> Result:
    request = http.client().stream("POST", url, content=content, headers=headers)
    async with request as response:
        said = await _read(response) if code and response.is_success else None
        if isinstance(said, dict) and said.get(code, 0) != 0:
            return results.refused(said[code])
        return results.status(response.status_code)


async def _read(response: httpx.Response) -> Any:
    """None: what came is no JSON, or too much of it."""
    content = b""
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > ANSWER_BYTES:
            return None
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        return None
