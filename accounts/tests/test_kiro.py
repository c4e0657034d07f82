"""The calls themselves: what goes over the wire, and what may come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from accounts import kiro
from accounts.answers import CallFailed, SignInAway
from accounts.login import Login
from accounts.outcomes import (
    Credential,
    Failed,
    NotPermitted,
    Suspended,
    TokenRefused,
)

ARN = "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK"
EU_ARN = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"


@pytest.fixture
def bearer(simulator):
    """An account with a good token, as the simulator has it."""

    def make(**described_as) -> Credential:
        simulator.set_accounts([{"name": "ann"} | described_as])
        token = simulator.issue_access_token("ann")
        return Credential(1, "ann", "social", token, profile_arn=ARN)

    return make


def login_of(simulator, kind: str = "social") -> Login:
    simulator.set_accounts([{"name": "ann", "kind": kind}])
    known = simulator.account("ann")
    return Login(
        kind="social" if kind == "social" else "idc",
        refresh_token=known["refresh_token"],
        client_id=known.get("client_id") or "",
        client_secret=known.get("client_secret") or "",
    )


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """A server that gives every request this answer and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("kind", "path", "members"),
    [
        ("social", "/refreshToken", {"refreshToken"}),
        (
            "idc",
            "/token",
            {"clientId", "clientSecret", "grantType", "refreshToken"},
        ),
    ],
)
async def test_a_refresh_asks_for_what_it_must_and_says_no_more(
    simulator, kind, path, members
):
    await kiro.refresh(login_of(simulator, kind))
    [request] = simulator.requests()
    assert (request["method"], request["path"]) == ("POST", path)
    assert set(request["body"]) == members
    assert request["bearer"] is None


async def test_a_connection_that_fails_is_tried_once_more(simulator):
    login = login_of(simulator)
    simulator.update_account("ann", refresh_fault={"fault": "network", "times": 1})
    await kiro.refresh(login)
    assert simulator.account("ann")["refreshes"] == 1
    simulator.update_account("ann", refresh_fault="network")
    with pytest.raises(SignInAway, match="cannot be reached"):
        await kiro.refresh(login)


async def test_nobody_there_is_the_services_fault(simulator, settings, bearer):
    nobody = "http://127.0.0.1:9"
    settings.KIRO_AUTH_URL = settings.KIRO_OIDC_URL = settings.KIRO_CONTROL_URL = nobody
    for kind in ("social", "idc"):
        with pytest.raises(SignInAway, match="cannot be reached"):
            await kiro.refresh(login_of(simulator, kind))
    with pytest.raises(CallFailed, match="cannot be reached"):
        await kiro.usage_limits(bearer())


async def test_an_answer_without_end_is_not_read(simulator, settings):
    head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"
    async with answering(head + b"[" * (kiro.LARGEST_ANSWER + 1)) as url:
        settings.KIRO_AUTH_URL = url
        with pytest.raises(SignInAway):
            await kiro.refresh(Login("social", "aor"))


async def test_a_redirect_is_not_followed(simulator, settings):
    head = f"HTTP/1.1 307 Go\r\nlocation: {simulator.url}/refreshToken\r\n"
    async with answering(f"{head}content-length: 0\r\n\r\n".encode()) as url:
        settings.KIRO_AUTH_URL = url
        with pytest.raises(SignInAway, match="307"):
            await kiro.refresh(login_of(simulator))
    assert simulator.requests() == []


async def test_no_region_gets_into_a_host_name_unchecked(simulator, settings):
    settings.KIRO_OIDC_URL = f"{simulator.url}/{{region}}"
    with pytest.raises(SignInAway, match="cannot be reached"):
        await kiro.refresh(Login("idc", "r", "c", "s", region="x/../y"))
    assert simulator.requests() == []


async def test_models_are_listed_over_all_pages(simulator, bearer):
    names = [f"model-{number}" for number in range(120)]
    assert list(await kiro.list_models(bearer(models=names))) == names
    assert simulator.calls("ListAvailableModels") == 3


async def test_profiles_are_listed(simulator, bearer):
    credential = bearer(kind="idc", profile_arn=EU_ARN)
    assert await kiro.list_profiles(credential, "eu-central-1") == [EU_ARN]


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("suspended", Suspended()),
        ("unauthorized", NotPermitted("profile")),
    ],
)
async def test_what_ails_an_account_is_told_by_its_models(bearer, state, outcome):
    with pytest.raises(CallFailed) as raised:
        await kiro.list_models(bearer(state=state))
    assert raised.value.outcome == outcome


async def test_an_expired_token_is_told(simulator, bearer):
    credential = bearer()
    simulator.expire_access_token("ann")
    with pytest.raises(CallFailed) as raised:
        await kiro.usage_limits(credential)
    assert raised.value.outcome == TokenRefused()


async def test_an_answer_without_figures_is_a_failure(simulator, bearer, settings):
    credential = bearer()
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnull"
    async with answering(answer) as url:
        settings.KIRO_CONTROL_URL = url
        with pytest.raises(CallFailed) as raised:
            await kiro.usage_limits(credential)
    assert isinstance(raised.value.outcome, Failed)
