"""The control surface, server side: `/__control/...`, apart from the service's paths.

`simulator.control.Control` is its client; what each call does is written there.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulator.accounts import UnknownMember
from simulator.directory import Directory, Standing
from simulator.parsing import BadReply, parse_reply
from simulator.simulation import SIMULATION, Queued, Simulation

CONTROL = "/__control"

Action = Callable[[Simulation, web.Request], Awaitable[Any]]


def control_routes() -> list[web.RouteDef]:
    return [
        web.route(method, f"{CONTROL}/{path}", _surface(action))
        for method, path, action in (
            ("GET", "state", _state),
            ("POST", "reset", _reset),
            ("GET", "requests", _requests),
            ("POST", "replies", _enqueue),
            ("PATCH", "settings", _change_settings),
            ("GET", "accounts", _accounts),
            ("PUT", "accounts", _set_accounts),
            ("GET", "accounts/{name}", _account),
            ("PATCH", "accounts/{name}", _update_account),
            ("POST", "accounts/{name}/access_token", _issue_access_token),
            ("DELETE", "accounts/{name}/access_token", _expire_access_token),
            ("DELETE", "accounts/{name}/refresh_token", _kill_refresh_token),
            ("POST", "gates/{name}", _open_gate),
            ("PUT", "signin", _sign_in_as),
            ("PUT", "devices/{user_code}", _decide_device),
        )
    ]


def _surface(action: Action) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        try:
            value = await action(request.app[SIMULATION], request)
        except (UnknownMember, BadReply, ValueError, TypeError) as fault:
            return web.json_response({"error": str(fault)}, status=400)
        except LookupError as fault:
            return web.json_response({"error": repr(fault)}, status=404)
        return web.json_response(value)

    return answer


def _standing(simulation: Simulation, request: web.Request) -> Standing:
    return simulation.directory.named(request.match_info["name"])


async def _state(simulation: Simulation, request: web.Request) -> Any:
    return simulation.state()


async def _reset(simulation: Simulation, request: web.Request) -> Any:
    simulation.reset()


async def _requests(simulation: Simulation, request: web.Request) -> Any:
    wanted = request.query
    return [
        call.to_json(simulation.directory.label)
        for call in simulation.captures.calls
        if wanted.get("operation") in (None, call.operation)
        and wanted.get("account") in (None, call.account)
    ]


async def _enqueue(simulation: Simulation, request: web.Request) -> Any:
    asked = await request.json()
    account = asked["account"]
    if account is not None:
        simulation.directory.named(account)
    replies = [parse_reply(reply) for reply in asked["replies"]]
    simulation.queue.extend(
        Queued(reply, asked["operation"], account) for reply in replies
    )


async def _change_settings(simulation: Simulation, request: web.Request) -> Any:
    simulation.settings.update(await request.json())


async def _accounts(simulation: Simulation, request: web.Request) -> Any:
    return [standing.to_json() for standing in simulation.directory]


async def _set_accounts(simulation: Simulation, request: web.Request) -> Any:
    simulation.directory = Directory(await request.json())


async def _account(simulation: Simulation, request: web.Request) -> Any:
    return _standing(simulation, request).to_json()


async def _update_account(simulation: Simulation, request: web.Request) -> Any:
    changes = await request.json()
    return simulation.directory.update(request.match_info["name"], changes).to_json()


async def _issue_access_token(simulation: Simulation, request: web.Request) -> Any:
    return simulation.directory.issue(_standing(simulation, request))


async def _expire_access_token(simulation: Simulation, request: web.Request) -> Any:
    simulation.directory.expire_access(request.match_info["name"])


async def _kill_refresh_token(simulation: Simulation, request: web.Request) -> Any:
    simulation.directory.kill_refresh(request.match_info["name"])


async def _open_gate(simulation: Simulation, request: web.Request) -> Any:
    simulation.gates.open(request.match_info["name"])


async def _sign_in_as(simulation: Simulation, request: web.Request) -> Any:
    name = (await request.json())["account"]
    simulation.directory.named(name)
    simulation.signins.as_account = name


async def _decide_device(simulation: Simulation, request: web.Request) -> Any:
    account = (await request.json())["account"]
    user_code = request.match_info["user_code"]
    if account is None:
        simulation.signins.decide(user_code, "denied")
    else:
        simulation.directory.named(account)
        simulation.signins.decide(user_code, "approved", account)
