"""What each kind of account needs of its calls, against the simulator."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import kiro, pool, reading
from accounts.answers import CallFailed, SignInAgain
from accounts.login import Login
from accounts.models import Account
from accounts.offers import ask_for_models
from accounts.outcomes import PoolExhausted, TokenRefused
from accounts.profiles import find_profile
from accounts.refresh import NotFresh, ensure_fresh, renew
from accounts.regions import BUILDER_ID_PROFILE
from accounts.tests.conftest import change, row

pytestmark = pytest.mark.django_db(transaction=True)

Block = Account.Block
EU_ARN = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"

EVERY_KIND = ["social", "idc", "builder_id", "external_idp", "api_key"]
TOKEN_TYPES = {"external_idp": "EXTERNAL_IDP", "api_key": "API_KEY"}


@pytest.mark.parametrize("kind", EVERY_KIND)
async def test_every_kind_tells_its_credits_and_models(known_account, simulator, kind):
    account = await known_account(kind=kind)
    usage = await reading.read_usage(account.pk)
    assert usage.available == 1000
    assert "auto" in await ask_for_models(account.pk)
    asked = simulator.requests("GetUsageLimits") + simulator.requests(
        "ListAvailableModels"
    )
    assert len(asked) == 2
    for call in asked:
        assert call["headers"].get("tokentype") == TOKEN_TYPES.get(kind)
        wanted = "KIRO_CLI" if kind == "api_key" else "AI_EDITOR"
        assert call["query"]["origin"] == wanted
        assert ("profileArn" in call["query"]) is (kind != "api_key")


@pytest.mark.parametrize("kind", ["idc", "builder_id", "external_idp"])
async def test_who_has_no_profile_yet_gets_it_with_the_first_token(
    known_account, simulator, kind
):
    account = await known_account(kind=kind)
    credential = await ensure_fresh(await row(account))
    assert credential.profile_arn == simulator.account("ann")["profile_arn"]
    assert (await row(account)).profile_arn == credential.profile_arn


async def test_nobody_asks_for_the_profile_that_builder_ids_share(
    known_account, simulator
):
    credential = await ensure_fresh(await row(await known_account(kind="builder_id")))
    assert credential.profile_arn == BUILDER_ID_PROFILE
    assert simulator.calls("ListAvailableProfiles") == 0


async def test_a_builder_id_that_came_in_as_idc_has_it_too(known_account):
    account = await known_account(kind="builder_id")
    await change(account, kind="idc")
    credential = await ensure_fresh(await row(account))
    assert credential.profile_arn == BUILDER_ID_PROFILE


async def test_an_external_login_without_a_profile_stays_without(
    known_account, simulator
):
    """The profile of Builder IDs is not for it."""
    account = await known_account(kind="external_idp")
    none = {"http": {"status": 200, "body": {"profiles": []}}}
    simulator.enqueue(none, none, operation="ListAvailableProfiles")
    credential = await ensure_fresh(await row(account))
    assert simulator.calls("ListAvailableProfiles") == 2
    assert credential.profile_arn == (await row(account)).profile_arn == ""


@pytest.mark.parametrize("scopes", ["", "api://x offline_access"])
async def test_an_external_login_is_renewed_by_a_form(known_account, simulator, scopes):
    account = await known_account(kind="external_idp")
    await change(account, scopes=scopes, client_id=account.client_id)
    credential = await ensure_fresh(await row(account))
    known = simulator.account("ann")
    assert credential.access_token == known["access_token"]
    after = await row(account)
    assert after.refresh_token == known["refresh_token"] != account.refresh_token
    [call] = simulator.requests("RefreshExternal")
    assert call["headers"]["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "http://id.example.com/token",
        "https://ann:hush@id.example.com/token",
        "ftp://id.example.com/token",
        "https:///token",
    ],
)
async def test_a_refresh_token_goes_to_no_other_address(simulator, endpoint):
    login = Login("external_idp", "aor", "client", token_endpoint=endpoint)
    with pytest.raises(SignInAgain, match="not an https address") as raised:
        await kiro.refresh(login)
    assert "hush" not in str(raised.value)


async def test_a_dead_external_login_is_rejected(known_account, simulator):
    account = await known_account(kind="external_idp", refresh_fault="invalid_grant")
    with pytest.raises(NotFresh, match="no longer accepts the refresh token"):
        await ensure_fresh(await row(account))
    assert (await row(account)).blocked_reason == Block.REJECTED


@pytest.mark.parametrize("kind", ["idc", "builder_id"])
@pytest.mark.parametrize("fault", ["invalid_client", "invalid_grant"])
async def test_a_registration_that_has_ended_is_told(known_account, kind, fault):
    account = await known_account(kind=kind, refresh_fault=fault)
    await change(account, registration_expires_at=timezone.now() - timedelta(hours=1))
    with pytest.raises(NotFresh):
        await ensure_fresh(await row(account))
    after = await row(account)
    assert after.blocked_reason == Block.REJECTED
    ended = f"{after.registration_expires_at:%Y-%m-%d}"
    assert after.last_error == (
        f"the client registration ended on {ended}: sign in again"
    )


async def test_a_registration_past_its_date_that_still_works_is_used(known_account):
    account = await known_account(kind="idc")
    await change(account, registration_expires_at=timezone.now() - timedelta(hours=1))
    assert (await ensure_fresh(await row(account))).access_token


async def test_an_api_key_is_the_token_and_never_renewed(known_account, simulator):
    account = await known_account(kind="api_key")
    assert account.fresh
    for credential in (
        await pool.checkout(),
        await ensure_fresh(await row(account)),
        await renew(account.pk, account.token_version),
    ):
        assert credential.access_token == simulator.account("ann")["api_key"]
        assert credential.region == "us-east-1"
    assert simulator.requests() == []


async def test_an_api_keys_region_is_that_of_its_calls(known_account):
    account = await known_account(kind="api_key")
    await change(account, region="eu-central-1")
    assert (await row(account)).credential().region == "eu-central-1"
    await change(account, profile_arn=EU_ARN, region="us-east-1")
    assert (await row(account)).credential().region == "eu-central-1"


async def test_an_api_key_that_is_refused_is_rejected(known_account, simulator):
    account = await known_account(kind="api_key")
    credential = await pool.checkout()
    simulator.update_account("ann", api_key="ksk_another")
    with pytest.raises(CallFailed) as raised:
        await kiro.usage_limits(credential)
    assert raised.value.outcome == TokenRefused()
    await pool.settle(credential, raised.value.outcome)
    after = await row(account)
    assert (after.blocked_reason, after.blocked_until) == (Block.REJECTED, None)
    assert after.last_error == "the API key is refused"
    with pytest.raises(PoolExhausted) as exhausted:
        await pool.checkout()
    assert exhausted.value.shortage == "rejected"


async def test_an_account_without_its_key_is_not_fresh(known_account):
    account = await known_account(kind="api_key")
    await change(account, api_key="")
    with pytest.raises(NotFresh, match="no API key"):
        await renew(account.pk, account.token_version)


async def test_nobody_looks_for_an_api_keys_profile(known_account, simulator):
    credential = (await row(await known_account(kind="api_key"))).credential()
    assert await find_profile(credential) == credential
    assert simulator.requests() == []


async def test_where_the_credits_come_from_is_kept(known_account):
    expires = int(timezone.now().timestamp()) + 86400
    account = await known_account(
        credits_used=100.5,
        trial={"limit": 500, "used": 20, "expires": expires},
        bonuses=[{"code": "WELCOME", "limit": 10, "used": 1, "expires": expires}],
        overage={"enabled": True, "cap": 200, "used": 4},
    )
    await reading.read_usage(account.pk)
    kept = {source["kind"]: source for source in (await row(account)).credit_sources}
    assert list(kept) == ["plan", "trial", "bonus", "overage"]
    assert (kept["plan"]["used"], kept["plan"]["limit"]) == (100.5, 1000)
    assert kept["bonus"]["name"] == "WELCOME"
    assert kept["trial"]["expires_at"] == kept["bonus"]["expires_at"] is not None
    assert (kept["overage"]["used"], kept["overage"]["status"]) == (4, "ENABLED")
