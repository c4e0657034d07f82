"""One call and its answer: who asks, may they, and how a refusal is sent."""

import asyncio
import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from aiohttp import web

from simulator.accounts import Account, State
from simulator.captures import Call
from simulator.directory import Standing
from simulator.eventstream import encode_payload
from simulator.faults import CONTENT_TYPE, FAULTS, Fault, Refused, write_fault
from simulator.refreshfaults import AuthRefused, write_auth_fault
from simulator.replies import Http, Stream
from simulator.rules.request import is_profile_arn
from simulator.simulation import Simulation

CHAT = frozenset({"GenerateAssistantResponse", "SendMessage"})
ON_MANAGEMENT = frozenset(
    {"GetUsageLimits", "ListAvailableModels", "ListAvailableProfiles", "GetProfile"}
)
SOCIAL_PATHS = ("/refreshToken", "/oauth/")
TOKEN_TYPES = {"external_idp": "EXTERNAL_IDP", "api_key": "API_KEY"}


@dataclass(slots=True)
class Exchange:
    simulation: Simulation
    call: Call
    request: web.Request

    def admit(self) -> Standing:
        """Whose call it is; refused by bearer or by the state of the account."""
        standing = self.simulation.directory.bearer(self.call.bearer or "")
        if standing is None:
            raise Refused(self._bearer_fault())
        account = standing.account
        self.call.account = account.name
        wanted = TOKEN_TYPES.get(account.kind)
        # An external login without the header is a stranger everywhere but in the
        # list of profiles, which is then empty.
        if (
            wanted is not None
            and self.request.headers.get("TokenType") != wanted
            and self.call.operation != "ListAvailableProfiles"
        ):
            raise Refused(self._bearer_fault())
        self._check_state(account.state)
        return standing

    def _bearer_fault(self) -> Fault:
        on_management = self.call.operation in ON_MANAGEMENT
        if self.call.style == "kiro" and on_management:
            fault = FAULTS["bearer_invalid"]
            return Fault(400, fault.type, fault.message)
        return FAULTS["bearer_invalid"]

    def _check_state(self, state: State) -> None:
        operation = self.call.operation
        match state:
            case "suspended" if operation != "GetUsageLimits":
                # It goes on telling its credits.
                raise Refused(FAULTS["suspended"])
            case "unauthorized":
                raise Refused(FAULTS["unauthorized"])
            case "wrong_application" | "feature_not_supported" if operation in CHAT:
                raise Refused(FAULTS[state])
        application = self.simulation.settings.application
        user_agent = self.request.headers.get("User-Agent", "")
        if operation in CHAT and application and application not in user_agent:
            raise Refused(FAULTS["wrong_application"])

    def check_profile(self, account: Account, profile_arn: Any) -> None:
        if profile_arn is None:
            demanded = account.requires_profile_arn or self.call.style == "kiro"
            if demanded and self.call.operation in CHAT:
                raise Refused(FAULTS["profile_arn_required"])
        elif profile_arn != account.profile_arn and is_profile_arn(profile_arn):
            raise Refused(FAULTS["unauthorized"])

    async def scripted(self, account: str) -> Stream | Http | Fault | None:
        """What a test has queued for this call, after its delay and its gate."""
        reply = self.simulation.next_reply(self.call.operation, account)
        if reply is None:
            return None
        await asyncio.sleep(reply.delay)
        if reply.gate is not None:
            await self.simulation.gates.wait(reply.gate)
        return reply.answer

    def answer(self, body: Mapping[str, Any]) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE[self.call.style]}
        return web.Response(body=encode_payload(body), headers=headers)

    def answer_http(self, http: Http) -> web.Response:
        text = http.body if isinstance(http.body, str) else json.dumps(http.body)
        return web.Response(
            status=http.status, headers=dict(http.headers), body=text.encode()
        )

    def refuse(self, refused: Refused) -> web.Response:
        self.call.refused_by = refused.rule
        if refused.fault.drops:
            self.reset()
        answer = write_fault(refused.fault, self.call.style)
        return web.Response(
            status=answer.status, headers=dict(answer.headers), body=answer.body
        )

    def refuse_auth(self, refused: AuthRefused) -> web.Response:
        fault = refused.fault
        if fault.drops:
            self.reset()
        social = self.call.path.startswith(SOCIAL_PATHS)
        answer = write_auth_fault(fault, social)
        return web.Response(
            status=answer.status, headers=dict(answer.headers), body=answer.body
        )

    def reset(self) -> NoReturn:
        """The connection dies by a TCP reset; what was written may not arrive."""
        self.call.end("cut")
        transport = self.request.transport
        if transport is None:
            raise ConnectionResetError("client gone")
        raw: socket.socket = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        raise ConnectionResetError("reset, as scripted")

    def close(self) -> NoReturn:
        """The connection ends before the answer does."""
        self.call.end("cut")
        if self.request.transport is not None:
            self.request.transport.close()
        raise ConnectionResetError("closed, as scripted")
