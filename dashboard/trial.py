"""A prompt sent by one account, to see that it works: from the admin, or by command."""

from __future__ import annotations

import time
from dataclasses import dataclass

from kiro2api import requestid
from proxy.errors import GatewayError
from proxy.exchange import Exchange
from proxy.gateway import open_reply
from proxy.messages import Message, Prompt, Text, Usage, collect

MOST_TOKENS = 1000


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it; with an `error` there is no answer."""

    seconds: float
    answer: str = ""
    usage: Usage = Usage()
    error: str = ""


async def send_prompt(account_id: int, model: str, text: str, path: str) -> Trial:
    """By this account and no other. It costs credits, as any request does."""
    requestid.request_id.set(requestid.accepted_id(""))
    exchange = Exchange(requestid.request_id.get(), "POST", path)
    prompt = Prompt(model, (Message("user", (Text(text),)),), max_tokens=MOST_TOKENS)
    began = time.monotonic()
    status = 200
    try:
        async with await open_reply(prompt, exchange, account_id) as opened:
            reply = await collect(opened)
    except GatewayError as error:
        status, exchange.error = error.status, type(error).__name__
        return Trial(time.monotonic() - began, error=str(error))
    finally:
        exchange.finish(status)
    answer = "".join(part.text for part in reply.parts if isinstance(part, Text))
    return Trial(time.monotonic() - began, answer, reply.whole.usage)
