"""What the control plane tells about an account: usage, models, profiles."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from simulator.accounts import Account
from simulator.exchange import Exchange
from simulator.faults import FAULTS, Fault, Refused
from simulator.replies import Http
from simulator.rules import refusal
from simulator.rules.breach import Breach
from simulator.rules.request import ORIGIN
from simulator.usage import usage_limits

Parameters = Mapping[str, Any]
Teller = Callable[[Exchange, Account, Parameters], dict[str, Any]]

RESOURCE_TYPES = frozenset({"AGENTIC_REQUEST", "VIBE", "SPEC", "CREDIT"})
MOST_MODELS = 100
MOST_PROFILES = 10


async def get_usage_limits(exchange: Exchange) -> web.Response:
    return await _tell(exchange, _usage_limits)


async def list_models(exchange: Exchange) -> web.Response:
    return await _tell(exchange, _models)


async def list_profiles(exchange: Exchange) -> web.Response:
    return await _tell(exchange, _profiles)


async def get_profile(exchange: Exchange) -> web.Response:
    return await _tell(exchange, _profile)


async def _tell(exchange: Exchange, tell: Teller) -> web.Response:
    account = exchange.admit().account
    parameters = _parameters(exchange)
    exchange.check_profile(account, parameters.get("profileArn"))
    match await exchange.scripted(account.name):
        case Fault() as fault:
            raise Refused(fault)
        case Http() as http:
            return exchange.answer_http(http)
        case _:
            return exchange.answer(tell(exchange, account, parameters))


def _parameters(exchange: Exchange) -> Parameters:
    """From the query or from the body; some clients send both."""
    body: Any = {}
    if exchange.call.body:
        try:
            body = json.loads(exchange.call.body)
        except ValueError:
            body = None
    if not isinstance(body, dict):
        raise _refused(exchange, "body-json")
    return body | dict(exchange.call.query)


def _usage_limits(
    exchange: Exchange, account: Account, parameters: Parameters
) -> dict[str, Any]:
    if parameters.get("resourceType", "CREDIT") not in RESOURCE_TYPES:
        raise _refused(exchange, "query")
    _check_origin(exchange, parameters.get("origin", "AI_EDITOR"))
    asked = str(parameters.get("isEmailRequired", False)).lower()
    return usage_limits(account, with_email=asked == "true")


def _models(
    exchange: Exchange, account: Account, parameters: Parameters
) -> dict[str, Any]:
    _check_origin(exchange, parameters.get("origin"))
    models = [model.listed() for model in account.listed_models().values()]
    page, next_token = _page(exchange, models, parameters, MOST_MODELS)
    default = next((m for m in models if m["modelId"] == "auto"), models[0])
    return {"defaultModel": default, "models": page} | next_token


def _profiles(
    exchange: Exchange, account: Account, parameters: Parameters
) -> dict[str, Any]:
    if account.kind == "social":
        raise Refused(FAULTS["unauthorized"])
    known = account.kind == "idc" or (
        account.kind == "external_idp"
        and exchange.request.headers.get("TokenType") == "EXTERNAL_IDP"
    )
    profiles = [_profile_of(account)] if known else []
    page, next_token = _page(exchange, profiles, parameters, MOST_PROFILES)
    return {"profiles": page} | next_token


def _profile(
    exchange: Exchange, account: Account, parameters: Parameters
) -> dict[str, Any]:
    if "profileArn" not in parameters:
        raise Refused(FAULTS["profile_arn_required"])
    return {"profile": _profile_of(account)}


def _profile_of(account: Account) -> dict[str, Any]:
    return {
        "arn": account.profile_arn,
        "profileName": f"profile of {account.name}",
        "profileType": "KIRO",
        "status": "ACTIVE",
    }


def _page(
    exchange: Exchange, items: list[Any], parameters: Parameters, most: int
) -> tuple[list[Any], dict[str, str]]:
    try:
        size = int(parameters.get("maxResults", most))
        start = int(parameters.get("nextToken", 0))
    except ValueError:
        raise _refused(exchange, "query") from None
    if not 1 <= size <= most:
        raise _refused(exchange, "query")
    end = start + size
    return items[start:end], {"nextToken": str(end)} if end < len(items) else {}


def _check_origin(exchange: Exchange, origin: Any) -> None:
    if origin not in ORIGIN.values:
        raise _refused(exchange, "query")


def _refused(exchange: Exchange, rule: str) -> Refused:
    return Refused(refusal(Breach(rule), exchange.call.style), rule)
