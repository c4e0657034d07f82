"""HTTP about an account: renewing its token, its credits, models and profiles.

Through the account's own proxy, if it has one. Bounded in time and size; one more
try when the connection failed. Nothing of an answer's text gets out of here but what
`answers` reads from it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import assert_never
from urllib.parse import urlencode

import httpx
from django.conf import settings
from django.utils import timezone

from accounts import addresses, answers, callers, regions, usage
from accounts.answers import Answer, CallFailed, SignInAgain, SignInAway
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
        answer = await _ask_for_tokens(login)
    except httpx.ProxyError as error:
        raise SignInAway(str(error)) from error
    except (httpx.RequestError, TimeoutError, NotARegion) as error:
        raise SignInAway("the sign-in service cannot be reached") from error
    try:
        return answers.read_tokens(answer, timezone.now())
    except SignInAgain as refused:
        if told := _registration_over(login):
            raise SignInAgain(told) from refused
        raise


def _registration_over(login: Login) -> str:
    end = login.registration_expires_at
    if end is None or end > timezone.now():
        return ""
    return f"the client registration ended on {end:%Y-%m-%d}: sign in again"


async def _ask_for_tokens(login: Login) -> Answer:
    match login.kind:
        case "social":
            return await _refresh_social(login)
        case "idc" | "builder_id":
            return await _refresh_idc(login)
        case "external_idp":
            return await _refresh_external(login)
        case "api_key":
            raise SignInAgain("an API key cannot be renewed")
        case _:
            assert_never(login.kind)


async def _refresh_social(login: Login) -> Answer:
    url = _address(settings.KIRO_AUTH_URL, login.region)
    return await _call(
        "POST",
        f"{url}/refreshToken",
        body={"refreshToken": login.refresh_token},
        proxy_url=login.proxy_url,
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
        proxy_url=login.proxy_url,
    )


async def _refresh_external(login: Login) -> Answer:
    # Whoever wrote the row: a refresh token goes nowhere unencrypted.
    if not addresses.is_token_endpoint(login.token_endpoint):
        raise SignInAgain("its token endpoint is not an https address: import it again")
    form = {
        "grant_type": "refresh_token",
        "client_id": login.client_id,
        "refresh_token": login.refresh_token,
    }
    if login.scopes:
        form["scope"] = login.scopes
    return await _call(
        "POST", login.token_endpoint, form=form, proxy_url=login.proxy_url
    )


async def usage_limits(credential: Credential) -> usage.Usage:
    """Raises CallFailed."""
    query = _query(credential)
    query |= {"resourceType": "AGENTIC_REQUEST", "isEmailRequired": "true"}
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
    query = _query(credential) | {"maxResults": "50"}
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


def _query(credential: Credential) -> dict[str, str]:
    query: dict[str, str] = {"origin": callers.origin(credential)}
    if profile_arn := callers.control_profile(credential):
        query["profileArn"] = profile_arn
    return query


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
            headers=callers.headers(credential),
            proxy_url=credential.proxy_url,
        )
    except httpx.ProxyError as error:
        raise CallFailed(Failed(str(error))) from error
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
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    proxy_url: str,
) -> Answer:
    content = None
    # Not compressed: the limit on size is one on what arrives.
    sent = {"accept": "application/json", "accept-encoding": "identity"}
    if body is not None:
        sent["content-type"] = "application/json"
        content = json.dumps(body).encode()
    if form is not None:
        sent["content-type"] = "application/x-www-form-urlencoded"
        content = urlencode(form).encode()
    request = http.client(proxy_url).build_request(
        method, url, params=query, headers=sent | dict(headers or {}), content=content
    )
    async with asyncio.timeout(CALL_SECONDS):
        try:
            return await _send(request, proxy_url)
        except (httpx.ReadTimeout, httpx.ProxyError):
            raise
        except httpx.TransportError:
            # A kept connection may have been closed by the other side meanwhile.
            return await _send(request, proxy_url)


async def _send(request: httpx.Request, proxy_url: str) -> Answer:
    response = await http.client(proxy_url).send(request, stream=True)
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
