"""Signing in: client registration, device code, and the browser's way with a code.

The browser's way is approved at once, for the account that `Control.sign_in_as` named
or else the first of a fitting kind; a device code waits for `Control.approve_device`,
`Control.deny_device` or a person at `/device` (`signinpage`). Every answer to a program
may be scripted by `Control.enqueue`, as HTTP.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from simulator.accounts import Kind
from simulator.directory import Standing
from simulator.exchange import Exchange
from simulator.replies import Http
from simulator.signins import (
    DEVICE_SECONDS,
    POLL_SECONDS,
    REGISTRATION_SECONDS,
    Device,
    Ticket,
)
from simulator.tokens import (
    OIDC_KINDS,
    REFRESH_GRANT,
    auth_refused,
    oidc_tokens,
    read_json,
    refresh_oidc,
    social_tokens,
)

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CODE_GRANT = "authorization_code"
BUILDER_ID_START = "https://view.awsapps.com/start"
SOCIAL_KINDS: frozenset[Kind] = frozenset({"social"})
NOT_YET = {
    "pending": "authorization_pending",
    "denied": "access_denied",
    "expired": "expired_token",
}


Operation = Callable[[Exchange], Awaitable[web.Response]]


def scriptable(operation: Operation) -> Operation:
    @wraps(operation)
    async def answer(exchange: Exchange) -> web.Response:
        scripted = await exchange.scripted("")
        if isinstance(scripted, Http):
            return exchange.answer_http(scripted)
        return await operation(exchange)

    return answer


@scriptable
async def register_client(exchange: Exchange) -> web.Response:
    body = read_json(exchange, "clientName", "clientType")
    if body["clientType"] != "public":
        raise auth_refused("invalid_request")
    client_id, client_secret = exchange.simulation.signins.register()
    now = int(time.time())
    return exchange.answer(
        {
            "clientId": client_id,
            "clientIdIssuedAt": now,
            "clientSecret": client_secret,
            "clientSecretExpiresAt": now + REGISTRATION_SECONDS,
        }
    )


@scriptable
async def start_device(exchange: Exchange) -> web.Response:
    body = read_json(exchange, "clientId", "clientSecret", "startUrl")
    _check_client(exchange, body)
    kind: Kind = "builder_id" if body["startUrl"] == BUILDER_ID_START else "idc"
    code, device = exchange.simulation.signins.begin_device(kind)
    page = f"{exchange.request.url.origin()}/device"
    return exchange.answer(
        {
            "deviceCode": code,
            "expiresIn": DEVICE_SECONDS,
            "interval": POLL_SECONDS,
            "userCode": device.user_code,
            "verificationUri": page,
            "verificationUriComplete": f"{page}?user_code={device.user_code}",
        }
    )


@scriptable
async def create_token(exchange: Exchange) -> web.Response:
    body = read_json(exchange, "clientId", "clientSecret", "grantType")
    _check_client(exchange, body)
    match body["grantType"]:
        case grant if grant == REFRESH_GRANT:
            return await refresh_oidc(exchange, body)
        case grant if grant == DEVICE_GRANT:
            device = exchange.simulation.signins.devices.get(body.get("deviceCode", ""))
            standing = _by_device(exchange, device)
        case grant if grant == CODE_GRANT:
            verifier = body.get("codeVerifier", "")
            standing = _by_code(exchange, body, body.get("redirectUri"), verifier)
        case _:
            raise auth_refused("unsupported_grant_type")
    standing.account.client_id = body["clientId"]
    standing.account.client_secret = body["clientSecret"]
    return exchange.answer(oidc_tokens(standing))


async def authorize(exchange: Exchange) -> web.Response:
    """OIDC's page: to the redirect URI with a code."""
    return _send_back(exchange, OIDC_KINDS, _redirect_uri(exchange))


async def login(exchange: Exchange) -> web.Response:
    """The older social page: to the redirect URI with a code."""
    return _send_back(exchange, SOCIAL_KINDS, _redirect_uri(exchange))


async def sign_in(exchange: Exchange) -> web.Response:
    """The newer social page: it adds path and login option to the redirect URI."""
    target = f"{_redirect_uri(exchange)}/oauth/callback?login_option=google"
    return _send_back(exchange, SOCIAL_KINDS, target)


@scriptable
async def redeem_social_code(exchange: Exchange) -> web.Response:
    body = read_json(exchange, "code", "code_verifier", "redirect_uri")
    verifier = body["code_verifier"]
    standing = _by_code(exchange, body, body["redirect_uri"], verifier)
    tokens = social_tokens(standing)
    return exchange.answer(tokens | {"refreshToken": standing.account.refresh_token})


@scriptable
async def start_social_device(exchange: Exchange) -> web.Response:
    read_json(exchange, "clientId", "loginProvider")
    code, device = exchange.simulation.signins.begin_device("social")
    page = f"{exchange.request.url.origin()}/device"
    return exchange.answer(
        {
            "deviceCode": code,
            "expiresInMilliseconds": DEVICE_SECONDS * 1000,
            "intervalInMilliseconds": POLL_SECONDS * 1000,
            "userCode": device.user_code,
            "verificationUri": page,
            "verificationUriComplete": f"{page}?user_code={device.user_code}",
        }
    )


@scriptable
async def poll_social_device(exchange: Exchange) -> web.Response:
    body = read_json(exchange, "clientId", "deviceCode")
    device = exchange.simulation.signins.devices.get(body["deviceCode"])
    if device is not None and device.status() != "approved":
        return exchange.answer({"status": NOT_YET[device.status()]})
    standing = _by_device(exchange, device)
    return exchange.answer(
        {
            "accessToken": standing.access_token,
            "identityProvider": "Google",
            "profileArn": standing.account.profile_arn,
            "refreshToken": standing.account.refresh_token,
            "status": "COMPLETED",
        }
    )


def _check_client(exchange: Exchange, body: Mapping[str, Any]) -> None:
    known = dict(exchange.simulation.signins.clients)
    for standing in exchange.simulation.directory:
        known[standing.account.client_id] = standing.account.client_secret
    if known.get(body["clientId"]) != body["clientSecret"]:
        raise auth_refused("invalid_client")


def _by_device(exchange: Exchange, device: Device | None) -> Standing:
    if device is None:
        raise auth_refused("invalid_grant")
    status = device.status()
    if status != "approved":
        raise auth_refused(NOT_YET[status])
    device.answer = "expired"
    return _signed_in(exchange, device.account)


def _by_code(
    exchange: Exchange, body: Mapping[str, Any], redirect_uri: Any, verifier: str
) -> Standing:
    ticket = exchange.simulation.signins.tickets.pop(body.get("code", ""), None)
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if (
        ticket is None
        or ticket.redirect_uri != redirect_uri
        or ticket.challenge != challenge
    ):
        raise auth_refused("invalid_grant")
    return _signed_in(exchange, ticket.account)


def _signed_in(exchange: Exchange, name: str) -> Standing:
    """A sign-in gives new tokens; the refresh token of the one before dies."""
    directory = exchange.simulation.directory
    standing = directory.named(name)
    exchange.call.account = name
    directory.rotate(standing)
    directory.issue(standing)
    return standing


def _redirect_uri(exchange: Exchange) -> str:
    try:
        return exchange.request.query["redirect_uri"]
    except KeyError:
        raise auth_refused("invalid_request") from None


def _send_back(exchange: Exchange, kinds: frozenset[Kind], target: str) -> web.Response:
    signins, query = exchange.simulation.signins, exchange.request.query
    account = signins.as_account or _first(exchange, kinds)
    code = secrets.token_urlsafe(32)
    signins.tickets[code] = Ticket(account, target, query.get("code_challenge", ""))
    answer = urlencode({"code": code, "state": query.get("state", "")})
    joint = "&" if "?" in target else "?"
    return web.Response(status=302, headers={"Location": f"{target}{joint}{answer}"})


def _first(exchange: Exchange, kinds: frozenset[Kind]) -> str:
    for standing in exchange.simulation.directory:
        if standing.account.kind in kinds:
            return standing.account.name
    raise auth_refused("access_denied")
