"""Every path and target of the service, all host generations on one address.

REST paths serve the older hosts (or the Kiro runtime's, by a setting); `POST /` serves
JSON 1.0 and Kiro by `x-amz-target`; the auth services have paths of their own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

from aiohttp import web

from simulator import chat, management, signin, signinpage, tokens, websearch
from simulator.captures import SECRET_HEADERS, Call
from simulator.controlsurface import CONTROL, control_routes
from simulator.exchange import Exchange
from simulator.faults import Fault, Refused, Style
from simulator.refreshfaults import AuthRefused
from simulator.simulation import SIMULATION, Simulation

LARGEST_BODY = 64 * 1024 * 1024

Operation = Callable[[Exchange], Awaitable[web.StreamResponse]]

OPERATIONS: dict[str, Operation] = {
    "GenerateAssistantResponse": chat.generate,
    "SendMessage": chat.generate,
    "GetUsageLimits": management.get_usage_limits,
    "ListAvailableModels": management.list_models,
    "ListAvailableProfiles": management.list_profiles,
    "GetProfile": management.get_profile,
    "InvokeMCP": websearch.invoke_mcp,
}
AUTH_OPERATIONS: dict[str, Operation] = {
    "RefreshSocial": tokens.refresh_social,
    "RefreshExternal": tokens.refresh_external,
    "CreateToken": signin.create_token,
    "RegisterClient": signin.register_client,
    "StartDeviceAuthorization": signin.start_device,
    "Authorize": signin.authorize,
    "Login": signin.login,
    "SignIn": signin.sign_in,
    "RedeemSocialCode": signin.redeem_social_code,
    "StartSocialDevice": signin.start_social_device,
    "PollSocialDevice": signin.poll_social_device,
    "ShowDevice": signinpage.show_device,
    "DecideDevice": signinpage.decide_device,
}
PATHS: dict[tuple[str, str], str] = {
    ("POST", "/generateAssistantResponse"): "GenerateAssistantResponse",
    ("POST", "/SendMessageStreaming"): "SendMessage",
    ("GET", "/getUsageLimits"): "GetUsageLimits",
    ("GET", "/ListAvailableModels"): "ListAvailableModels",
    ("POST", "/ListAvailableProfiles"): "ListAvailableProfiles",
    ("POST", "/GetProfile"): "GetProfile",
    ("POST", "/mcp"): "InvokeMCP",
    ("POST", "/refreshToken"): "RefreshSocial",
    ("POST", "/external/token"): "RefreshExternal",
    ("POST", "/token"): "CreateToken",
    ("POST", "/client/register"): "RegisterClient",
    ("POST", "/device_authorization"): "StartDeviceAuthorization",
    ("GET", "/authorize"): "Authorize",
    ("GET", "/login"): "Login",
    ("GET", "/signin"): "SignIn",
    ("POST", "/oauth/token"): "RedeemSocialCode",
    ("POST", "/oauth/device/authorization"): "StartSocialDevice",
    ("POST", "/oauth/device/poll"): "PollSocialDevice",
    ("GET", "/device"): "ShowDevice",
    ("POST", "/device"): "DecideDevice",
}
READS = ("GetUsageLimits", "ListAvailableModels", "ListAvailableProfiles", "GetProfile")
TARGETS: dict[str, tuple[Style, str]] = {
    "AmazonCodeWhispererStreamingService.GenerateAssistantResponse": (
        "json",
        "GenerateAssistantResponse",
    ),
    "AmazonQDeveloperStreamingService.SendMessage": ("json", "SendMessage"),
    "KiroRuntimeService.GenerateAssistantResponse": (
        "kiro",
        "GenerateAssistantResponse",
    ),
    "KiroRuntimeService.InvokeMCP": ("kiro", "InvokeMCP"),
    **{f"AmazonCodeWhispererService.{name}": ("json", name) for name in READS},
    **{f"KiroControlPlaneBearerService.{name}": ("kiro", name) for name in READS},
}
UNKNOWN = Fault(404, "UnknownOperationException", "No such operation.")


def build_app(simulation: Simulation) -> web.Application:
    app = web.Application(client_max_size=LARGEST_BODY)
    app[SIMULATION] = simulation
    app.add_routes(control_routes())
    app.router.add_route("*", "/{path:.*}", serve)
    app.on_response_prepare.append(_name_request)
    return app


async def _name_request(request: web.Request, response: web.StreamResponse) -> None:
    if not request.path.startswith(CONTROL):
        response.headers["x-amzn-requestid"] = str(uuid4())


async def serve(request: web.Request) -> web.StreamResponse:
    call = await _record(request)
    exchange = Exchange(request.app[SIMULATION], call, request)
    try:
        response = await _answer(exchange)
    except (asyncio.CancelledError, ConnectionError):
        call.end("client_gone")
        raise
    call.status = response.status
    call.end("complete")
    return response


async def _answer(exchange: Exchange) -> web.StreamResponse:
    operation = exchange.call.operation
    try:
        if operation in AUTH_OPERATIONS:
            return await AUTH_OPERATIONS[operation](exchange)
        if operation in OPERATIONS:
            return await OPERATIONS[operation](exchange)
        raise Refused(UNKNOWN)
    except Refused as refused:
        return exchange.refuse(refused)
    except AuthRefused as refused:
        return exchange.refuse_auth(refused)


async def _record(request: web.Request) -> Call:
    simulation: Simulation = request.app[SIMULATION]
    body = await request.read()
    style, operation, target = _operation(request, simulation)
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    call = Call(
        number=simulation.captures.next_number(),
        operation=operation,
        style=style,
        method=request.method,
        path=request.path,
        query=request.query,
        target=target,
        headers={
            name.lower(): value
            for name, value in request.headers.items()
            if name.lower() not in SECRET_HEADERS
        },
        bearer=bearer if scheme == "Bearer" else None,
        body=body,
    )
    simulation.captures.keep(call)
    return call


def _operation(
    request: web.Request, simulation: Simulation
) -> tuple[Style, str, str | None]:
    if request.path == "/":
        target = request.headers.get("x-amz-target", "")
        style, operation = TARGETS.get(target, ("json", "Unknown"))
        return style, operation if request.method == "POST" else "Unknown", target
    operation = PATHS.get((request.method, request.path), "Unknown")
    on_kiro = simulation.settings.rest_host == "kiro" and operation in OPERATIONS
    return "kiro" if on_kiro else "rest", operation, None
