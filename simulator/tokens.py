"""The auth services' refresh: what a refresh token is worth, per kind of account.

Social logins refresh at `/refreshToken`; Builder ID and IdC at OIDC's `/token`, bound
to their client registration; external logins at an OAuth form, `/external/token`.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from simulator.accounts import Kind
from simulator.directory import Standing
from simulator.exchange import Exchange
from simulator.refreshfaults import REFRESH_FAULTS, AuthRefused

OIDC_KINDS: frozenset[Kind] = frozenset({"idc", "builder_id"})
REFRESH_GRANT = "refresh_token"


def auth_refused(name: str) -> AuthRefused:
    return AuthRefused(REFRESH_FAULTS[name])


def read_json(exchange: Exchange, *required: str) -> dict[str, Any]:
    try:
        body = json.loads(exchange.call.body)
    except ValueError:
        raise auth_refused("invalid_request") from None
    if not isinstance(body, dict) or not all(
        isinstance(body.get(name), str) for name in required
    ):
        raise auth_refused("invalid_request")
    return body


async def refresh_social(exchange: Exchange) -> web.Response:
    body = read_json(exchange, "refreshToken")
    standing = await refresh(exchange, body["refreshToken"], frozenset({"social"}))
    return exchange.answer(social_tokens(standing))


async def refresh_oidc(exchange: Exchange, body: Mapping[str, Any]) -> web.Response:
    token = body.get("refreshToken")
    if not isinstance(token, str):
        raise auth_refused("invalid_request")
    found = exchange.simulation.directory.refresher(token)
    if found is not None and found[0].account.client_id != body["clientId"]:
        # Bound to the registration it was made with.
        raise auth_refused("invalid_grant")
    standing = await refresh(exchange, token, OIDC_KINDS)
    return exchange.answer(oidc_tokens(standing))


async def refresh_external(exchange: Exchange) -> web.Response:
    form = dict(parse_qsl(exchange.call.body.decode()))
    if form.get("grant_type") != REFRESH_GRANT or "refresh_token" not in form:
        raise auth_refused("invalid_request")
    standing = await refresh(
        exchange, form["refresh_token"], frozenset({"external_idp"})
    )
    if form.get("client_id") != standing.account.client_id:
        raise auth_refused("invalid_client")
    return exchange.answer(
        {
            "access_token": standing.access_token,
            "expires_in": int(standing.account.token_seconds),
            "refresh_token": standing.account.refresh_token,
            "token_type": "Bearer",
        }
    )


async def refresh(exchange: Exchange, token: str, kinds: frozenset[Kind]) -> Standing:
    """The account whose token this is, with a new access token."""
    directory = exchange.simulation.directory
    found = directory.refresher(token)
    if found is None:
        raise auth_refused("invalid_grant")
    standing, alive = found
    account = standing.account
    exchange.call.account = account.name
    standing.refresh_attempts += 1
    due = account.take_refresh_fault()
    if due is not None:
        raise auth_refused(due)
    if not alive or account.kind not in kinds:
        raise auth_refused("invalid_grant")
    standing.refreshes += 1
    directory.issue(standing)
    if account.rotates:
        directory.rotate(standing)
    await asyncio.sleep(account.refresh_seconds)
    if account.refresh_gate is not None:
        await exchange.simulation.gates.wait(account.refresh_gate)
    return standing


def social_tokens(standing: Standing) -> dict[str, Any]:
    account = standing.account
    tokens = {
        "accessToken": standing.access_token,
        "expiresIn": int(account.token_seconds),
        "profileArn": account.profile_arn,
    }
    # Without a new refresh token the member is absent: the old one is kept.
    return tokens | ({"refreshToken": account.refresh_token} if account.rotates else {})


def oidc_tokens(standing: Standing) -> dict[str, Any]:
    return {
        "accessToken": standing.access_token,
        "expiresIn": int(standing.account.token_seconds),
        "idToken": None,
        "refreshToken": standing.account.refresh_token,
        "tokenType": "Bearer",
    }
