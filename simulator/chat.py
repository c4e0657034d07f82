"""GenerateAssistantResponse, and its older sibling SendMessage.

The checks come in the service's order: who asks, the profile, the body, its limits and
rules with the model among them, the rate, the quota.
"""

import asyncio
import json
from typing import Any, NoReturn, assert_never
from uuid import uuid4

from aiohttp import web

from simulator.accounts import Account
from simulator.chunking import Action, Chunk
from simulator.directive import directed_steps, offered_tools
from simulator.directory import Standing
from simulator.echo import echo_steps
from simulator.encoding import Asked, encode
from simulator.exchange import Exchange
from simulator.faults import FAULTS, Fault, Refused
from simulator.models import Model
from simulator.parsing import BadReply, parse_reply
from simulator.quota import credits_left, on_overage
from simulator.replies import Hold, Http, Stream, Wait
from simulator.rules import examine, refusal
from simulator.rules.breach import Breach
from simulator.rules.model import Known, input_tokens, model_of

EVENT_STREAM = "application/vnd.amazon.eventstream"
CONVERSATION_HEADERS = {
    "rest": "x-amzn-codewhisperer-conversation-id",
    "kiro": "x-amzn-kiro-conversation-id",
}
DRY_RUN = {"steps": [{"event": "dryRunSucceedEvent"}], "tail": False}


async def generate(exchange: Exchange) -> web.StreamResponse:
    call, simulation = exchange.call, exchange.simulation
    standing = exchange.admit()
    account = standing.account
    if call.operation == "SendMessage" and account.kind == "idc":
        raise Refused(FAULTS["wrong_application"])
    body = _read_body(exchange)
    exchange.check_profile(account, body.get("profileArn"))
    known = Known(
        account.accepted_models(legacy=call.style != "kiro"),
        _default_model(account),
        simulation.signatures,
    )
    _check_rules(exchange, body, known)
    _check_rate_and_quota(account)
    answer = await exchange.scripted(account.name) or _own_answer(body)
    match answer:
        case Fault():
            raise Refused(answer)
        case Http():
            return exchange.answer_http(answer)
        case Stream():
            asked = _asked(exchange, body, known)
            return await _stream(exchange, standing, answer, asked)


def _read_body(exchange: Exchange) -> dict[str, Any]:
    content_type = exchange.request.content_type
    wanted = (
        "application/x-amz-json-1.0" if exchange.call.target else "application/json"
    )
    if content_type != wanted:
        _refuse(exchange, Breach("content-type", content_type))
    try:
        body = json.loads(exchange.call.body)
    except (ValueError, RecursionError):
        _refuse(exchange, Breach("body-json"))
    if not isinstance(body, dict):
        _refuse(exchange, Breach("body-json"))
    return body


def _check_rules(exchange: Exchange, body: dict[str, Any], known: Known) -> None:
    call = exchange.call
    found = examine(body, len(call.body), known, call.operation, call.style)
    call.unknown_members = found.unknown
    if found.breaches:
        _refuse(exchange, found.breaches[0])


def _refuse(exchange: Exchange, breach: Breach) -> NoReturn:
    exchange.call.breach = breach.path
    raise Refused(refusal(breach, exchange.call.style), breach.rule)


def _check_rate_and_quota(account: Account) -> None:
    throttled = account.take_throttle()
    if throttled is not None:
        raise Refused(throttled)
    if credits_left(account) <= 0:
        used_up = "overage_limit" if on_overage(account) else "monthly_limit"
        raise Refused(FAULTS[used_up])


def _default_model(account: Account) -> Model:
    listed = account.listed_models()
    return listed.get("auto") or next(iter(listed.values()))


def _own_answer(body: dict[str, Any]) -> Stream | Http | Fault:
    """What is said without a script."""
    if body.get("dryRun"):
        return parse_reply(DRY_RUN).answer
    steps = directed_steps(body) or echo_steps(body)
    try:
        return parse_reply({"steps": steps}).answer
    except BadReply as fault:
        text = f"The directive cannot be played: {fault}"
        return parse_reply({"steps": [{"text": text}]}).answer


def _asked(exchange: Exchange, body: dict[str, Any], known: Known) -> Asked:
    state = body["conversationState"]
    user = state["currentMessage"]["userInputMessage"]
    model = model_of(body, known) or known.default_model
    return Asked(
        style=exchange.call.style,
        model=model,
        model_id=user.get("modelId", model.id),
        conversation_id=state.get("conversationId") or str(uuid4()),
        input_tokens=input_tokens(body, len(exchange.call.body)),
        tools=frozenset(offered_tools(body)),
    )


async def _stream(
    exchange: Exchange, standing: Standing, stream: Stream, asked: Asked
) -> web.StreamResponse:
    call, simulation = exchange.call, exchange.simulation
    pace = stream.pace
    if pace is None:
        pace = standing.account.pace or simulation.settings.pace
    encoded = encode(stream, asked, pace)
    for signature in encoded.signatures:
        simulation.signatures[signature] = None
    response = web.StreamResponse(headers={"Content-Type": EVENT_STREAM})
    if asked.style in CONVERSATION_HEADERS:
        response.headers[CONVERSATION_HEADERS[asked.style]] = asked.conversation_id
    response.headers.update(stream.headers)
    response.enable_chunked_encoding()
    call.status = 200
    simulation.captures.streams.add(call)
    try:
        await response.prepare(exchange.request)
        for action in encoded.actions:
            await _act(exchange, standing, response, action)
        match stream.end:
            case "reset":
                exchange.reset()
            case "close":
                exchange.close()
            case "clean":
                await response.write_eof()
    finally:
        simulation.captures.streams.discard(call)
    return response


async def _act(
    exchange: Exchange,
    standing: Standing,
    response: web.StreamResponse,
    action: Action,
) -> None:
    match action:
        case Wait(seconds):
            await asyncio.sleep(seconds)
        case Hold(gate):
            await exchange.simulation.gates.wait(gate)
        case Chunk(data, credits):
            # Booked before it is sent: who reads the frame may ask for usage at once.
            for amount in credits:
                standing.meter(amount, first=not exchange.call.credits)
                exchange.call.credits.append(amount)
            await response.write(data)
        case _:
            assert_never(action)
