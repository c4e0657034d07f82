"""The call itself, per kind of account, generation of hosts and way out."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest

from accounts.offers import ask_for_models
from accounts.outcomes import Failed, NotPermitted
from accounts.reading import read_usage
from accounts.regions import BUILDER_ID_PROFILE
from accounts.tests.conftest import add_account, change, row
from kiro2api.database import in_database
from kiro2api.tests.proxies import http_proxy, socks_proxy
from proxy.catalog import MODELS, Model, resolve
from proxy.codewhisperer import client, mcp
from proxy.codewhisperer.meter import Metered
from proxy.errors import AccountUnusable, GatewayError, UpstreamFailed
from proxy.exchange import Exchange
from proxy.gateway import open_reply
from proxy.messages import Finish, Message, Prompt, Text
from simulator.control import Control

pytestmark = pytest.mark.django_db(transaction=True)

SONNET = resolve("claude-sonnet-4-5", False)
PROMPT = Prompt(SONNET.name, (Message("user", (Text("Hi"),)),))
EVERY_KIND = ["social", "idc", "builder_id", "external_idp", "api_key"]
GENERATE = "GenerateAssistantResponse"
NOBODY = "http://127.0.0.1:9"
LOGIN = "ann:hush"


@pytest.fixture
def simulator(simulator: Control, connections: None) -> Control:
    return simulator


def know(simulator: Control, kind: str = "social", **described_as: Any) -> Any:
    """The row of an account that the simulator knows too."""
    simulator.set_accounts([{"name": "ann", "kind": kind} | described_as])
    known = simulator.account("ann")
    api_key = kind == "api_key"
    return add_account(
        "ann",
        kind=kind,
        api_key=known["api_key"],
        refresh_token=known["refresh_token"],
        client_id=known["client_id"],
        client_secret=known["client_secret"],
        access_token="" if api_key else simulator.issue_access_token("ann"),
        profile_arn="" if api_key else known["profile_arn"],
    )


known = in_database(know)


async def ask(account: Any, model: Model = SONNET) -> None:
    """All of a reply, by this account."""
    credential = (await row(account)).credential()
    batches = client.stream(credential, PROMPT, model, 1, Metered())
    async with aclosing(batches):
        *_, last = [batch async for batch in batches]
    assert isinstance(last[-1], Finish)


async def search(account: Any) -> Any:
    return await mcp.search((await row(account)).credential(), "snow")


async def reply() -> Exchange:
    """As a client gets it, whatever account serves."""
    exchange = Exchange("req", "POST", "/")
    async with await open_reply(PROMPT, exchange) as opened:
        async for _ in opened:
            pass
    return exchange


def user_message(call: dict[str, Any]) -> dict[str, Any]:
    state = call["body"]["conversationState"]
    message: dict[str, Any] = state["currentMessage"]["userInputMessage"]
    return message


@pytest.mark.parametrize("kind", EVERY_KIND)
async def test_every_kind_is_served_on_the_q_hosts(simulator, kind):
    await ask(await known(simulator, kind))
    [call] = simulator.requests(GENERATE)
    assert user_message(call)["modelId"] == "CLAUDE_SONNET_4_5_20250929_V1_0"
    api_key = kind == "api_key"
    assert user_message(call)["origin"] == ("KIRO_CLI" if api_key else "AI_EDITOR")
    assert ("profileArn" in call["body"]) is not api_key
    token_type = {"api_key": "API_KEY", "external_idp": "EXTERNAL_IDP"}.get(kind)
    assert call["headers"].get("tokentype") == token_type


@pytest.mark.parametrize("kind", EVERY_KIND)
async def test_every_kind_is_served_on_the_runtime_hosts(simulator, settings, kind):
    account = await known(simulator, kind)
    arn = simulator.account("ann")["profile_arn"]
    await change(account, endpoint="runtime", profile_arn=arn)
    settings.KIRO_API_URL = NOBODY
    simulator.settings(rest_host="kiro")
    await ask(account)
    [call] = simulator.requests(GENERATE)
    assert user_message(call)["modelId"] == "claude-sonnet-4.5"
    assert call["body"]["profileArn"] == arn


async def test_every_listed_model_has_a_name_on_the_runtime_hosts(simulator):
    """None of the upper-case ids, which only the q hosts know."""
    account = await known(simulator)
    simulator.settings(rest_host="kiro")
    await change(account, endpoint="runtime")
    models = [model for model in MODELS if model.listed_id]
    for model in models:
        await ask(account, model)
    asked = [user_message(call)["modelId"] for call in simulator.requests(GENERATE)]
    assert asked == [model.listed_id for model in models]


async def test_the_region_is_put_into_the_host(simulator, settings):
    arn = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"
    account = await known(simulator, "idc", profile_arn=arn)
    settings.KIRO_API_URL = f"{simulator.url}/{{region}}"
    with pytest.raises(GatewayError):
        await ask(account)
    [call] = simulator.requests()
    assert call["path"] == "/eu-central-1/generateAssistantResponse"


# A profile that is missing


@pytest.mark.parametrize("kind", ["idc", "builder_id", "external_idp"])
async def test_a_profile_that_is_asked_for_is_filled_in_once(simulator, kind):
    account = await known(simulator, kind, requires_profile_arn=True)
    arn = simulator.account("ann")["profile_arn"]
    await change(account, profile_arn="")
    assert (await reply()).tries == 1
    calls = simulator.requests(GENERATE)
    assert [call["body"].get("profileArn") for call in calls] == [None, arn]
    after = await row(account)
    assert (after.profile_arn, after.blocked) == (arn, False)
    await reply()
    assert simulator.calls(GENERATE) == 3


@pytest.mark.parametrize("kind", ["social", "api_key"])
async def test_who_has_none_to_find_is_not_permitted(simulator, kind):
    account = await known(simulator, kind, requires_profile_arn=True)
    await change(account, profile_arn="")
    with pytest.raises(GatewayError) as raised:
        await reply()
    assert raised.value.status == 503
    after = await row(account)
    assert (after.blocked_reason, after.healed_by) == ("profile", "person")
    assert simulator.calls(GENERATE) == 1


async def test_a_profile_that_does_not_help_is_asked_for_once(simulator):
    account = await known(simulator, "idc")
    await change(account, profile_arn="")
    simulator.enqueue("profile_arn_required", "profile_arn_required")
    with pytest.raises(AccountUnusable) as raised:
        await ask(account)
    assert raised.value.outcome == NotPermitted("profile")
    assert simulator.calls(GENERATE) == 2


async def test_while_profiles_cannot_be_asked_for_the_account_keeps_its_standing(
    simulator,
):
    account = await known(simulator, "idc", requires_profile_arn=True)
    await change(account, profile_arn="")
    simulator.enqueue("internal", operation="ListAvailableProfiles")
    with pytest.raises(UpstreamFailed, match="profile cannot be asked for"):
        await reply()
    assert not (await row(account)).blocked


# Outbound proxies

NO_TOKEN = {"access_token": "", "access_expires_at": None, "profile_arn": ""}


@pytest.mark.parametrize("way", [http_proxy, socks_proxy])
async def test_an_account_takes_its_proxy_and_no_other_does(simulator, way):
    async with way(LOGIN) as proxy:
        account = await known(simulator, "idc", credits_used=1)
        await change(account, proxy_url=proxy.url, **NO_TOKEN)
        neighbour = await in_database(add_account)(
            "bob",
            access_token=simulator.issue_access_token("ann"),
            profile_arn=simulator.account("ann")["profile_arn"],
            enabled=False,
        )
        exchange = await reply()
        await search(account)
        made = {call["operation"] for call in simulator.requests()}
        assert made == {"CreateToken", "ListAvailableProfiles", GENERATE, "InvokeMCP"}
        assert exchange.account == "ann"
        through = len(proxy.asked)
        assert through
        await ask(neighbour)
        assert simulator.calls(GENERATE) == 2
        assert len(proxy.asked) == through


async def test_nothing_of_an_account_goes_past_its_proxy(simulator, settings):
    """Each service has a host of its own, and the proxy is asked for all of them."""
    account = await known(simulator, "idc", credits_used=1)
    for name in ("API", "CONTROL", "OIDC"):
        there = simulator.url.replace("127.0.0.1", f"{name.lower()}.localhost")
        setattr(settings, f"KIRO_{name}_URL", there)
    async with socks_proxy(LOGIN) as proxy:
        await change(account, proxy_url=proxy.url, **NO_TOKEN)
        await reply()
        await search(account)
        await read_usage(account.pk)
        await ask_for_models(account.pk)
        hosts = {line.partition(".")[0] for line in proxy.asked}
        assert hosts == {"api", "control", "oidc"}


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_an_account_whose_proxy_is_away_is_passed_over(simulator, caplog, scheme):
    account = await known(simulator)
    await change(account, proxy_url=f"{scheme}://{LOGIN}@127.0.0.1:9")
    await in_database(add_account)(
        "bob", access_token=simulator.issue_access_token("ann")
    )
    exchange = await reply()
    assert (exchange.account, exchange.tries) == ("bob", 2)
    after = await row(account)
    assert after.last_error == "the account's proxy cannot be reached"
    assert not after.blocked
    assert "hush" not in caplog.text


async def test_a_token_that_the_proxy_keeps_from_being_renewed(simulator, caplog):
    account = await known(simulator)
    dead = f"http://{LOGIN}@127.0.0.1:9"
    await change(account, proxy_url=dead, access_token="", access_expires_at=None)
    with pytest.raises(GatewayError):
        await reply()
    after = await row(account)
    assert after.last_error == "the account's proxy cannot be reached"
    assert (after.blocked_reason, after.healed_by) == ("sign_in_away", "time")
    assert "hush" not in caplog.text


async def test_a_search_through_a_proxy_that_is_away_fails_in_our_words(simulator):
    account = await known(simulator)
    await change(account, proxy_url=f"http://{LOGIN}@127.0.0.1:9")
    with pytest.raises(UpstreamFailed) as raised:
        await search(account)
    assert raised.value.outcome == Failed("the account's proxy cannot be reached")


# Searches


async def test_the_profile_that_builder_ids_share_is_not_named_in_a_search(simulator):
    account = await known(simulator, "builder_id")
    assert account.profile_arn == BUILDER_ID_PROFILE
    await search(account)
    [call] = simulator.requests("InvokeMCP")
    assert "x-amzn-kiro-profile-arn" not in call["headers"]


async def test_a_search_on_the_runtime_hosts_goes_there(simulator, settings):
    account = await known(simulator, "idc")
    await change(account, endpoint="runtime")
    settings.KIRO_API_URL = NOBODY
    simulator.settings(rest_host="kiro")
    assert await search(account)
