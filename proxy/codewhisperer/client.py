"""The call to CodeWhisperer: a prompt out, batches of events back."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import httpx
import msgspec
from django.conf import settings

from accounts.outcomes import Credential
from kiro2api import http
from proxy import tokens
from proxy.catalog import Model
from proxy.codewhisperer.decoder import ReplyDecoder
from proxy.codewhisperer.encoder import EncodedPrompt, encode_prompt
from proxy.codewhisperer.eventstream import EventStreamDecoder, EventStreamError
from proxy.codewhisperer.faults import MAX_BODY, fault_from_response
from proxy.errors import EmptyReply, StreamBroken, UpstreamFailed, UpstreamTimeout
from proxy.messages import Event, Prompt


async def stream(
    credential: Credential, prompt: Prompt, model: Model, input_tokens: int
) -> AsyncGenerator[list[Event], None]:
    """Batches of events, none of them empty: one for all the frames of a chunk.

    Raises before the first batch what upstream refuses with, and afterwards what
    breaks the reply.
    """
    encoded = encode_prompt(
        prompt,
        model=model,
        profile_arn=credential.profile_arn,
        agent_continuation_id=str(uuid.uuid4()),
        max_description=settings.MAX_TOOL_DESCRIPTION_LENGTH,
    )
    frames = EventStreamDecoder()
    reply = ReplyDecoder(
        encoded.names,
        input_tokens=input_tokens,
        window=model.window,
        count_tokens=lambda text: tokens.count_text(text, model.upstream_id),
        thinking_tags=encoded.thinking_tags,
    )
    async with _post(credential, encoded) as response:
        try:
            async for chunk in response.aiter_raw():
                if events := reply.feed(frames.feed(chunk)):
                    yield events
            frames.close()
        except EventStreamError as error:
            raise StreamBroken(f"upstream's reply is damaged: {error}") from error
    if reply.empty:
        raise EmptyReply
    yield reply.close()


@asynccontextmanager
async def _post(
    credential: Credential, encoded: EncodedPrompt
) -> AsyncIterator[httpx.Response]:
    url = settings.KIRO_API_URL.format(region=credential.region)
    request = http.client().build_request(
        "POST",
        f"{url}/generateAssistantResponse",
        content=msgspec.json.encode(encoded.request),
        headers={
            "authorization": f"Bearer {credential.access_token}",
            "content-type": "application/json",
            "accept": "application/vnd.amazon.eventstream",
            "accept-encoding": "identity",
            "x-amzn-codewhisperer-optout": "true",
            "x-amzn-kiro-agent-mode": "vibe",
        },
        timeout=httpx.Timeout(
            settings.UPSTREAM_IDLE_TIMEOUT, connect=settings.UPSTREAM_CONNECT_TIMEOUT
        ),
    )
    response: httpx.Response | None = None
    try:
        response = await http.client().send(request, stream=True)
        if response.status_code != 200:
            body = await _beginning(response)
            raise fault_from_response(response.status_code, response.headers, body)
        yield response
    except httpx.ReadTimeout as error:
        raise UpstreamTimeout("upstream was silent for too long") from error
    except httpx.TransportError as error:
        if response is None:
            raise UpstreamFailed("upstream cannot be reached") from error
        raise StreamBroken("the connection to upstream broke") from error
    finally:
        if response is not None:
            await response.aclose()


async def _beginning(response: httpx.Response) -> bytes:
    """As much of an error's body as is looked at: a proxy's page may be long."""
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) >= MAX_BODY:
            break
    return body
