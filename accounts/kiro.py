"""HTTP about an account: renewing its token, its credits, models and profiles.

Bounded in time and size; one more try when the connection failed. Nothing of an
answer's text gets out of here but what `answers` reads from it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import httpx
from django.conf import settings
from django.utils import timezone

from accounts import answers, regions, usage
from accounts.answers import Answer, CallFailed, SignInAway
from accounts.login import Login, Tokens
from accounts.modellist import ModelLimits
from accounts.outcomes import Credential, Failed
from kiro2api import http

# Within a lease of 60 s there must be room to store what came.
CALL_SECONDS = 20.0
LARGEST_ANSWER = 1024 * 1024
MOST_PAGES = 5


class NotARegion(ValueError):
    """Nothing else is formatted into a host name."""


async def refresh(login: Login) -> Tokens:
    """New tokens for a login. Raises SignInAgain or SignInAway."""
    try:
        match login.kind:
            case "social":
                answer = await _refresh_social(login)
            case "idc":
                answer = await _refresh_idc(login)
    except (httpx.RequestError, TimeoutError, NotARegion) as error:
        raise SignInAway("the sign-in service cannot be reached") from error
    return answers.read_tokens(answer, timezone.now())


async def _refresh_social(login: Login) -> Answer:
    url = _address(settings.KIRO_AUTH_URL, login.region)
    return await _call(
        "POST", f"{url}/refreshToken", body={"refreshToken": login.refresh_token}
    )


async def _refresh_idc(login: Login) -> Answer:
    url = _address(settings.KIRO_OIDC_URL, login.region)
    return await _call(
        "POST",
        f"{url}/token",
        body={
            "clientId": login.client_id,
            "clientSecret": login.client_secret,
            "grantType": "refresh_token",
            "refreshToken": login.refresh_token,
        },
    )


async def usage_limits(credential: Credential) -> usage.Usage:
    """Raises CallFailed."""
    query = {
        "origin": "AI_EDITOR",
        "resourceType": "AGENTIC_REQUEST",
        "isEmailRequired": "true",
    }
    if credential.profile_arn:
        query["profileArn"] = credential.profile_arn
    answer = await _ask(
        credential, credential.region, "GET", "/getUsageLimits", query=query
    )
    figures = answer.json()
    if not figures:
        raise CallFailed(Failed("the service did not tell the credits left"))
    return usage.read_usage(figures, timezone.now())


async def list_models(credential: Credential) -> dict[str, ModelLimits]:
    """The models this account may use, by id. Raises CallFailed, also when there
    are none: nobody could tell that from not being told."""
    query = {"origin": "AI_EDITOR", "maxResults": "50"}
    if credential.profile_arn:
        query["profileArn"] = credential.profile_arn
    models: dict[str, ModelLimits] = {}
    for _page in range(MOST_PAGES):
        answer = await _ask(
            credential, credential.region, "GET", "/ListAvailableModels", query=query
        )
        page, next_token = answers.read_model_page(answer)
        models |= page
        if not next_token:
            break
        query["nextToken"] = next_token
    if not models:
        raise CallFailed(Failed("the service did not list models"))
    return models


async def list_profiles(credential: Credential, region: str) -> list[str]:
    """The profile ARNs an account has in a region. Raises CallFailed."""
    answer = await _ask(credential, region, "POST", "/ListAvailableProfiles", body={})
    return answers.read_profile_arns(answer)


async def _ask(
    credential: Credential,
    region: str,
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, object] | None = None,
) -> Answer:
    try:
        answer = await _call(
            method,
            _address(settings.KIRO_CONTROL_URL, region) + path,
            query=query,
            body=body,
            token=credential.access_token,
        )
    except (httpx.RequestError, TimeoutError, NotARegion) as error:
        raise CallFailed(Failed("the service cannot be reached")) from error
    if answer.status != 200:
        raise CallFailed(answers.control_fault(answer))
    return answer


async def _call(
    method: str,
    url: str,
    *,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, object] | None = None,
    token: str = "",
) -> Answer:
    # Not compressed: the limit on size is one on what arrives.
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    if body is not None:
        headers["content-type"] = "application/json"
    if token:
        headers["authorization"] = f"Bearer {token}"
    request = http.client().build_request(
        method,
        url,
        params=query,
        headers=headers,
        content=None if body is None else json.dumps(body).encode(),
    )
    async with asyncio.timeout(CALL_SECONDS):
        try:
            return await _send(request)
        except httpx.ReadTimeout:
            raise
        except httpx.TransportError:
            # A kept connection may have been closed by the other side meanwhile.
            return await _send(request)


async def _send(request: httpx.Request) -> Answer:
    response = await http.client().send(request, stream=True)
    try:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise httpx.DecodingError("answer too large", request=request)
    finally:
        await response.aclose()
    return Answer(response.status_code, response.headers, bytes(body))


def _address(template: str, region: str) -> str:
    if not regions.is_region(region):
        raise NotARegion
    return template.replace("{region}", region)
