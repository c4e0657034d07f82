"""The call to CodeWhisperer: a prompt out, batches of events back."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import msgspec
from django.conf import settings

from accounts import callers
from accounts.answers import CallFailed
from accounts.outcomes import Credential
from accounts.profiles import ask_for_profile
from kiro2api import http, requestid
from proxy import dump, tokens
from proxy.catalog import Model
from proxy.codewhisperer.decoder import ReplyDecoder
from proxy.codewhisperer.encoder import EncodedPrompt, encode_prompt
from proxy.codewhisperer.eventstream import EventStreamDecoder, EventStreamError
from proxy.codewhisperer.faults import (
    MAX_BODY,
    ProfileMissing,
    fault_from_response,
)
from proxy.codewhisperer.hosts import as_known_to, data_url
from proxy.codewhisperer.meter import Metered
from proxy.errors import EmptyReply, StreamBroken, UpstreamFailed, UpstreamTimeout
from proxy.messages import Event, Prompt

HEADERS = {
    "content-type": "application/json",
    "accept": "application/vnd.amazon.eventstream",
    "accept-encoding": "identity",
    "x-amzn-codewhisperer-optout": "true",
    "x-amzn-kiro-agent-mode": "vibe",
}


async def stream(
    credential: Credential,
    prompt: Prompt,
    model: Model,
    input_tokens: int,
    metered: Metered,
) -> AsyncGenerator[list[Event], None]:
    """Batches of events, none of them empty: one for all the frames of a chunk.
    `metered` is told what the reply has cost, whatever ends it.

    Raises before the first batch what upstream refuses with, and afterwards what
    breaks the reply.
    """
    async with AsyncExitStack() as stack:
        try:
            encoded = _encode(credential, prompt, model)
            response = await stack.enter_async_context(_post(credential, encoded))
        except ProfileMissing as missing:
            credential = await _with_profile(credential, missing)
            encoded = _encode(credential, prompt, model)
            response = await stack.enter_async_context(_post(credential, encoded))
        frames = EventStreamDecoder()
        reply = ReplyDecoder(
            encoded.names,
            input_tokens=input_tokens,
            window=model.window,
            count_tokens=lambda text: tokens.count_text(text, model.upstream_id),
            thinking_tags=encoded.thinking_tags,
        )
        try:
            async for chunk in response.aiter_raw():
                dump.note("upstream reply", chunk)
                if events := reply.feed(frames.feed(chunk)):
                    yield events
            frames.close()
        except EventStreamError as error:
            raise StreamBroken(f"upstream's reply is damaged: {error}") from error
        finally:
            metered.credits = reply.credits
    if reply.empty:
        raise EmptyReply
    yield reply.close()


def _encode(credential: Credential, prompt: Prompt, model: Model) -> EncodedPrompt:
    return encode_prompt(
        prompt,
        model=as_known_to(model, credential),
        profile_arn=callers.data_profile(credential),
        origin=callers.origin(credential),
        agent_continuation_id=str(uuid.uuid4()),
        max_description=settings.MAX_TOOL_DESCRIPTION_LENGTH,
    )


async def _with_profile(credential: Credential, missing: ProfileMissing) -> Credential:
    """What was left open when the account signed in, or came in without."""
    try:
        found = await ask_for_profile(credential)
    except CallFailed as error:
        raise UpstreamFailed("the account's profile cannot be asked for") from error
    if found.profile_arn == credential.profile_arn:
        raise missing
    return found


@asynccontextmanager
async def _post(
    credential: Credential, encoded: EncodedPrompt
) -> AsyncIterator[httpx.Response]:
    response: httpx.Response | None = None
    try:
        client = http.client(credential.proxy_url)
        content = msgspec.json.encode(encoded.request)
        dump.note(f"upstream request by {credential.account}", content)
        request = client.build_request(
            "POST",
            f"{data_url(credential)}/generateAssistantResponse",
            content=content,
            headers=callers.headers(credential) | HEADERS | _request_id(),
            timeout=httpx.Timeout(
                settings.UPSTREAM_IDLE_TIMEOUT,
                connect=settings.UPSTREAM_CONNECT_TIMEOUT,
            ),
        )
        response = await client.send(request, stream=True)
        if response.status_code != 200:
            body = await _beginning(response)
            dump.note(f"upstream refusal {response.status_code}", body)
            raise fault_from_response(response.status_code, response.headers, body)
        yield response
    except httpx.ReadTimeout as error:
        raise UpstreamTimeout("upstream was silent for too long") from error
    except httpx.ProxyError as error:
        raise UpstreamFailed(str(error)) from error
    except httpx.TransportError as error:
        if response is None:
            raise UpstreamFailed("upstream cannot be reached") from error
        raise StreamBroken("the connection to upstream broke") from error
    finally:
        if response is not None:
            await response.aclose()


def _request_id() -> dict[str, str]:
    """As the caller and our log know it. Not as amz-sdk-invocation-id: that is the
    AWS SDKs' own, which we are not."""
    request_id = requestid.request_id.get()
    return {"x-request-id": request_id} if request_id else {}


async def _beginning(response: httpx.Response) -> bytes:
    """As much of an error's body as is looked at: a proxy's page may be long."""
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) >= MAX_BODY:
            break
    return body
