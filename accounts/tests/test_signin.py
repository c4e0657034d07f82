"""Signing in from the admin, as a person does it, with the simulator behind."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from asgiref.sync import async_to_sync
from cryptography.fernet import Fernet
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from accounts.intake import digest_of
from accounts.models import Account, SignIn
from accounts.regions import BUILDER_ID_PROFILE
from accounts.signin import flow
from accounts.signin.begin import Wish
from accounts.signin.begin import begin as begin_as
from accounts.signin.rows import MOST_WAITING
from accounts.tests.conftest import add_account
from kiro2api.database import in_database
from kiro2api.http import close

pytestmark = pytest.mark.django_db(transaction=True)

State = SignIn.State
NEW = "/admin/accounts/account/sign-in/"
ORGANISATION = {
    "way": "idc",
    "start_url": "https://acme.awsapps.com/start/",
    "region": "eu-west-1",
}
ANN = {"name": "ann", "kind": "builder_id", "credits_limit": 1000, "credits_used": 188}
BOB = {"name": "bob", "kind": "idc", "credits_limit": 50}
SUE = {"name": "sue", "kind": "social", "credits_limit": 2000}


@pytest.fixture
def known(simulator):
    simulator.set_accounts([ANN, BOB, SUE])
    return simulator


@pytest.fixture
def root(transactional_db) -> User:
    return User.objects.create_superuser("root", password=None)


@pytest.fixture
def person(client, root):
    client.force_login(root)
    return client


def begin(person: Any, url: str = NEW, **fields: str) -> SignIn:
    response = person.post(url, {"way": "builder_id", **fields})
    form = response.context and response.context.get("form")
    assert response.status_code == 302, form and form.errors
    sign_in = SignIn.objects.latest("begun_at")
    assert response["Location"] == page_of(sign_in)
    return sign_in


def page_of(sign_in: SignIn) -> str:
    return f"{NEW}{sign_in.pk}/"


def make_due(sign_in: SignIn) -> None:
    SignIn.objects.filter(pk=sign_in.pk).update(
        asked_at=timezone.now() - timedelta(minutes=5)
    )


def look(person: Any, sign_in: SignIn) -> Any:
    """As an open page does it, once it is due."""
    make_due(sign_in)
    rows = SignIn.objects.filter(pk=sign_in.pk)
    stamp = " ".join(rows.values_list("state", "told")[0])
    return person.post(f"{page_of(sign_in)}look/", {"stamp": stamp})


def shown(person: Any, sign_in: SignIn) -> str:
    response = person.get(page_of(sign_in))
    assert response.status_code == 200
    text: str = response.content.decode()
    return text


def now_of(sign_in: SignIn) -> SignIn:
    return SignIn.objects.get(pk=sign_in.pk)


def only_account() -> Account:
    return Account.objects.with_secrets().get()


def by_browser(sign_in: SignIn, url: str) -> str:
    """Where the person's browser ends, the simulator being the sign-in page."""
    link = sign_in.link.replace("https://app.kiro.dev", url)
    response = httpx.get(link, trust_env=False)
    assert response.status_code == 302
    return response.headers["location"]


def test_a_builder_id_signs_in_by_a_code_and_the_page_finishes_by_itself(person, known):
    sign_in = begin(person, name="Ann")
    page = shown(person, sign_in)
    assert sign_in.user_code in page
    assert f'href="{sign_in.link}"' in page
    assert look(person, sign_in).status_code == 204
    known.approve_device(sign_in.user_code, "ann")
    assert look(person, sign_in)["HX-Refresh"] == "true"
    assert "Signed in: 812 of 1,000 credits left" in shown(person, sign_in)

    account, theirs = only_account(), known.account("ann")
    assert (account.name, account.kind, account.status) == (
        "Ann",
        "builder_id",
        "ready",
    )
    assert account.profile_arn == BUILDER_ID_PROFILE
    assert account.start_url == "https://view.awsapps.com/start"
    assert account.refresh_token == theirs["refresh_token"]
    assert account.access_token == theirs["access_token"]
    assert account.client_id == theirs["client_id"]
    assert account.client_secret == theirs["client_secret"]
    assert account.registration_expires_at is not None
    left = account.registration_expires_at - timezone.now()
    assert timedelta(days=89) < left <= timedelta(days=90)

    registered = known.requests("RegisterClient")[0]["body"]
    assert registered["clientName"] == "kiro2api"
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.object_id) == (ADDITION, str(account.pk))


def test_an_organisation_signs_in_in_its_region_and_its_profile_is_found(person, known):
    sign_in = begin(person, **ORGANISATION)
    started = known.requests("StartDeviceAuthorization")[0]["body"]
    assert started["startUrl"] == "https://acme.awsapps.com/start"
    known.approve_device(sign_in.user_code, "bob")
    look(person, sign_in)
    account = only_account()
    assert (account.name, account.kind, account.region) == ("IdC 1", "idc", "eu-west-1")
    assert account.start_url == "https://acme.awsapps.com/start"
    assert account.profile_arn == known.account("bob")["profile_arn"]
    assert "Signed in: 50 of 50 credits left" in shown(person, sign_in)


@pytest.mark.parametrize(
    ("way", "provider"), [("google", "Google"), ("github", "Github")]
)
def test_google_and_github_sign_in_by_a_code(person, known, way, provider):
    sign_in = begin(person, way=way)
    asked = known.requests("StartSocialDevice")[0]["body"]
    assert asked["loginProvider"] == provider
    assert look(person, sign_in).status_code == 204
    known.approve_device(sign_in.user_code, "sue")
    look(person, sign_in)
    account = only_account()
    assert (account.kind, account.client_id) == ("social", "")
    assert account.profile_arn == known.account("sue")["profile_arn"]
    assert "2,000 of 2,000" in shown(person, sign_in)


def test_google_signs_in_by_an_address_that_is_pasted(person, known):
    sign_in = begin(person, way="paste")
    query = parse_qs(urlsplit(sign_in.link).query)
    assert query["redirect_uri"] == ["http://localhost:3128"]
    known.sign_in_as("sue")
    address = by_browser(sign_in, known.url)
    wrong = person.post(page_of(sign_in), {"address": address.replace("state=", "s=")})
    assert "This address is of another sign-in." in wrong.content.decode()
    assert known.calls("RedeemSocialCode") == 0
    person.post(page_of(sign_in), {"address": address})
    assert "Signed in: 2,000 of 2,000" in shown(person, sign_in)
    assert only_account().refresh_token == known.account("sue")["refresh_token"]


def test_a_code_works_once_and_for_its_own_sign_in(person, known):
    first, second = begin(person, way="paste"), begin(person, way="paste")
    known.sign_in_as("sue")
    address = by_browser(first, known.url)
    person.post(page_of(second), {"address": address})
    assert now_of(second).state == State.WAITING
    person.post(page_of(first), {"address": address})
    person.post(page_of(first), {"address": address})
    assert known.calls("RedeemSocialCode") == 1
    assert Account.objects.count() == 1


def test_a_pasted_address_may_be_tried_again_when_the_service_is_away(person, known):
    sign_in = begin(person, way="paste")
    known.sign_in_as("sue")
    address = by_browser(sign_in, known.url)
    known.enqueue({"http": {"status": 503}}, operation="RedeemSocialCode")
    away = person.post(page_of(sign_in), {"address": address})
    assert "cannot be reached" in away.content.decode()
    person.post(page_of(sign_in), {"address": address})
    assert now_of(sign_in).state == State.DONE


def test_a_pasted_code_that_is_refused_ends_the_sign_in(person, known):
    sign_in = begin(person, way="paste")
    known.sign_in_as("sue")
    address = by_browser(sign_in, known.url).replace("code=", "code=x")
    person.post(page_of(sign_in), {"address": address})
    assert "does not accept this" in shown(person, sign_in)


def test_signing_in_again_replaces_registration_and_tokens_together(person, known):
    account = add_account(
        "Ann",
        kind="builder_id",
        client_id="old",
        client_secret="old-secret",
        blocked_reason=Account.Block.REJECTED,
        requests=7,
    )
    other = add_account("other")
    sign_in = begin(person, f"/admin/accounts/account/{account.pk}/sign-in/")
    known.approve_device(sign_in.user_code, "ann")
    look(person, sign_in)
    row = Account.objects.with_secrets().get(pk=account.pk)
    theirs = known.account("ann")
    assert (row.name, row.position, row.requests) == ("Ann", 0, 7)
    assert row.status == "ready"
    assert row.refresh_token == theirs["refresh_token"]
    assert (row.client_id, row.client_secret) == (
        theirs["client_id"],
        theirs["client_secret"],
    )
    assert row.available == 812
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.object_id) == (CHANGE, str(account.pk))
    untouched = Account.objects.with_secrets().get(pk=other.pk)
    assert untouched.refresh_token == "aor-other"


def test_a_profile_that_a_person_chose_stays_with_the_same_organisation(person, known):
    arn = known.account("bob")["profile_arn"].replace("us-east-1", "eu-central-1")
    account = add_account(
        "Bob", kind="idc", start_url="https://acme.awsapps.com/start", profile_arn=arn
    )
    again = f"/admin/accounts/account/{account.pk}/sign-in/"
    sign_in = begin(person, again, **ORGANISATION)
    known.approve_device(sign_in.user_code, "bob")
    look(person, sign_in)
    assert Account.objects.get(pk=account.pk).profile_arn == arn
    moved = ORGANISATION | {"start_url": "https://other.awsapps.com/start"}
    sign_in = begin(person, again, **moved)
    known.approve_device(sign_in.user_code, "bob")
    look(person, sign_in)
    now = Account.objects.get(pk=account.pk).profile_arn
    assert now == known.account("bob")["profile_arn"]


def test_the_form_for_an_account_begins_as_it_signed_in_before(person, known):
    account = add_account(
        "Bob",
        kind="idc",
        region="eu-west-1",
        start_url="https://acme.awsapps.com/start",
    )
    page = person.get(f"/admin/accounts/account/{account.pk}/sign-in/")
    assert page.context["form"]["way"].value() == "idc"
    for words in ('value="idc" checked', "acme.awsapps.com", 'value="eu-west-1"'):
        assert words in page.content.decode()


def test_the_buttons_stand_where_they_are_looked_for(person):
    account = add_account()
    assert NEW in person.get("/admin/accounts/account/").content.decode()
    own = f"/admin/accounts/account/{account.pk}/"
    assert f"{own}sign-in/" in person.get(f"{own}change/").content.decode()


def test_the_service_is_asked_only_when_it_is_due(person, known):
    sign_in = begin(person)
    url = f"{page_of(sign_in)}look/"
    SignIn.objects.update(interval=60)
    person.post(url, {"stamp": "waiting "})
    assert known.calls("CreateToken") == 0
    make_due(sign_in)
    for _tab in range(3):
        assert person.post(url, {"stamp": "waiting "}).status_code == 204
    assert known.calls("CreateToken") == 1


def test_two_who_look_at_once_ask_once(person, known):
    sign_in = begin(person)
    SignIn.objects.update(interval=60)
    make_due(sign_in)

    async def both() -> None:
        await asyncio.gather(*(flow.look(sign_in.pk) for _ in range(4)))
        await close()

    async_to_sync(both)()
    assert known.calls("CreateToken") == 1


def test_a_tab_that_shows_something_older_loads_again(person, known):
    sign_in = begin(person)
    known.approve_device(sign_in.user_code, "ann")
    look(person, sign_in)
    other_tab = person.post(f"{page_of(sign_in)}look/", {"stamp": "waiting "})
    assert other_tab["HX-Refresh"] == "true"


def test_slow_down_adds_five_seconds(person, known):
    sign_in = begin(person)
    said = {"status": 400, "body": {"error": "slow_down"}}
    known.enqueue({"http": said}, operation="CreateToken")
    assert look(person, sign_in).status_code == 204
    assert now_of(sign_in).interval == sign_in.interval + 5


def test_a_service_that_is_away_is_said_and_tried_again(person, known):
    sign_in = begin(person)
    known.enqueue({"http": {"status": 502}}, operation="CreateToken")
    assert look(person, sign_in)["HX-Refresh"] == "true"
    assert "does not answer just now; still trying" in shown(person, sign_in)
    known.approve_device(sign_in.user_code, "ann")
    look(person, sign_in)
    assert now_of(sign_in).state == State.DONE


REGION = {
    "status": 400,
    "headers": {"x-amzn-errortype": "InvalidRequestRegionException"},
    "body": {"error": "invalid_request", "region": "eu-central-1"},
}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"status": 400, "body": {"error": "access_denied"}}, "was denied in the"),
        ({"status": 400, "body": {"error": "expired_token"}}, "The time is over."),
        ({"status": 401, "body": {"error": "invalid_client"}}, "does not accept this"),
        (REGION, "in another region, eu-central-1. Start again with that one."),
    ],
)
def test_an_end_is_told_with_what_to_do(person, known, said, told):
    sign_in = begin(person, **ORGANISATION, name="Bob")
    known.enqueue({"http": said}, operation="CreateToken")
    look(person, sign_in)
    page = shown(person, sign_in)
    assert told in page
    assert "Start again" in page
    assert 'name="name" value="Bob"' in page
    assert 'name="start_url" value="https://acme.awsapps.com/start"' in page


def test_after_a_wrong_region_one_starts_again_with_the_right_one(person, known):
    known.enqueue({"http": REGION}, operation="RegisterClient")
    refused = person.post(NEW, ORGANISATION)
    page = refused.content.decode()
    assert "in another region, eu-central-1. Start again with that one." in page
    assert 'value="eu-central-1"' in page
    assert not SignIn.objects.exists()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"way": "idc"}, "This is not a start URL."),
        (ORGANISATION | {"start_url": "http://acme.example"}, "This is not a start"),
        (ORGANISATION | {"start_url": "https://a@acme.example"}, "This is not a start"),
        (ORGANISATION | {"start_url": "https://["}, "This is not a start URL."),
        (ORGANISATION | {"region": "x.evil.com"}, "This is not a region."),
        ({"way": "magic"}, "Select a valid choice."),
        ({"way": "builder_id", "name": "x" * 101}, "at most 100 characters"),
    ],
)
def test_what_cannot_begin_is_said_and_nobody_is_asked(person, known, fields, told):
    assert told in person.post(NEW, fields).content.decode()
    assert known.requests() == []
    assert not SignIn.objects.exists()


def test_a_service_that_is_away_begins_nothing(person, settings, simulator):
    settings.KIRO_OIDC_URL = "http://127.0.0.1:9"
    page = person.post(NEW, {"way": "builder_id"}).content.decode()
    assert "The sign-in service cannot be reached." in page
    assert not SignIn.objects.exists()


def test_an_account_with_a_proxy_signs_in_through_it(person, known):
    account = add_account(kind="builder_id", proxy_url="http://u:hush@127.0.0.1:9")
    again = f"/admin/accounts/account/{account.pk}/sign-in/"
    page = person.post(again, {"way": "builder_id"}).content.decode()
    assert "The account&#x27;s outbound proxy cannot be reached." in page
    assert "hush" not in page
    assert known.requests() == []


def test_one_person_has_only_so_many_waiting(person, known):
    for _ in range(MOST_WAITING):
        begin(person)
    page = person.post(NEW, {"way": "builder_id"}).content.decode()
    assert "Too many sign-ins of yours are waiting." in page
    SignIn.objects.update(expires_at=timezone.now())
    begin(person)


def test_a_login_that_another_account_has_is_not_taken_twice(person, known):
    add_account("first")
    taken = known.account("ann")["refresh_token"]
    begun = begin(person)
    owner = Account.objects.get()
    owner.imported_tokens.create(digest=digest_of(taken))
    tokens = {"accessToken": "aoa-new", "refreshToken": taken}
    known.enqueue({"http": {"status": 200, "body": tokens}}, operation="CreateToken")
    look(person, begun)
    assert "belongs to the account first already" in shown(person, begun)
    assert only_account().refresh_token == "aor-first"


def test_the_same_person_twice_in_the_pool_is_pointed_out(person, known):
    add_account("older", kind="builder_id", email="ann@example.com")
    sign_in = begin(person)
    known.approve_device(sign_in.user_code, "ann")
    look(person, sign_in)
    assert "The account older has the same e-mail address" in shown(person, sign_in)


def test_a_test_that_fails_keeps_the_tokens_and_says_so(person, known):
    known.update_account("ann", state="suspended")
    sign_in = begin(person)
    known.approve_device(sign_in.user_code, "ann")
    look(person, sign_in)
    page = shown(person, sign_in)
    assert "the test failed: the service has suspended the account." in page
    assert only_account().refresh_token == known.account("ann")["refresh_token"]


def test_the_worker_finishes_what_nobody_looks_at(person, known):
    sign_in, late, old = begin(person), begin(person), begin(person)
    known.approve_device(sign_in.user_code, "ann")
    make_due(sign_in)
    SignIn.objects.filter(pk=late.pk).update(expires_at=timezone.now())
    SignIn.objects.filter(pk=old.pk).update(
        begun_at=timezone.now() - timedelta(hours=25)
    )

    async def work() -> None:
        await flow.finish_waiting()
        await close()

    async_to_sync(work)()
    assert now_of(sign_in).state == State.DONE
    assert (now_of(late).state, now_of(late).told) == (State.FAILED, "expired")
    assert not SignIn.objects.filter(pk=old.pk).exists()
    assert only_account().status == "ready"


def test_what_no_key_opens_is_given_up(person, known, settings):
    sign_in = begin(person)
    settings.SECRET_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    look(person, sign_in)
    assert "No encryption key opens what was kept" in shown(person, sign_in)


async def test_tokens_are_kept_when_whoever_asked_has_left(known):
    """The service gives them once."""
    root = await in_database(User.objects.create_superuser)("root", password=None)
    sign_in = await begin_as(Wish("builder_id"), root)
    await in_database(make_due)(sign_in)
    token = known.account("ann")["refresh_token"]
    tokens = {"accessToken": "aoa-new", "refreshToken": token}
    reply = {"http": {"status": 200, "body": tokens}, "gate": "answer"}
    known.enqueue(reply, operation="CreateToken")
    looking = asyncio.create_task(flow.look(sign_in.pk))
    await asyncio.to_thread(known.wait_for_gate, "answer")
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    known.open_gate("answer")
    async with asyncio.timeout(20):
        while not (await in_database(now_of)(sign_in)).told:
            await asyncio.sleep(0.01)
    account = await in_database(only_account)()
    assert account.refresh_token == token


def user_who_may(client: Any, *codenames: str) -> User:
    user = User.objects.create_user("eve", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


def test_a_sign_in_is_nobody_elses(person, known):
    sign_in = begin(person)
    user_who_may(person, "add_account", "change_account", "view_account")
    for answer in (
        person.get(page_of(sign_in)),
        person.post(page_of(sign_in), {"address": "x"}),
        person.post(f"{page_of(sign_in)}look/"),
    ):
        assert answer.status_code == 404


def test_who_may_only_look_does_not_sign_in(client, known):
    user_who_may(client, "view_account")
    account = add_account()
    again = f"/admin/accounts/account/{account.pk}/sign-in/"
    for url in (NEW, again):
        assert client.get(url).status_code == 403
        assert client.post(url, {"way": "builder_id"}).status_code == 403
    assert "sign-in/" not in client.get("/admin/accounts/account/").content.decode()
    assert known.requests() == []


def test_whoever_lost_the_right_meanwhile_adds_nothing(client, known):
    user = user_who_may(client, "add_account", "view_account")
    sign_in = begin(client)
    known.approve_device(sign_in.user_code, "ann")
    user.user_permissions.clear()
    make_due(sign_in)

    async def work() -> None:
        await flow.finish_waiting()
        await close()

    async_to_sync(work)()
    assert now_of(sign_in).told == "not_allowed"
    assert not Account.objects.exists()


def test_looking_goes_by_post_with_a_token(client, root, known):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(root)
    client.force_login(root)
    sign_in = begin(client)
    assert strict.post(f"{page_of(sign_in)}look/").status_code == 403
    assert client.get(f"{page_of(sign_in)}look/").status_code == 405


def test_no_secret_leaves(person, known, caplog):
    caplog.set_level(logging.DEBUG)
    pasted, sign_in = begin(person, way="paste"), begin(person)
    kept = SignIn.objects.get(pk=sign_in.pk)
    verifier = SignIn.objects.get(pk=pasted.pk).code_verifier
    waiting = shown(person, sign_in) + shown(person, pasted)
    known.approve_device(sign_in.user_code, "ann")
    look(person, sign_in)
    theirs = known.account("ann")
    history = person.get(f"/admin/accounts/account/{only_account().pk}/history/")
    seen = waiting + shown(person, sign_in) + history.content.decode() + caplog.text
    for secret in (
        kept.device_code,
        kept.client_id,
        kept.client_secret,
        verifier,
        theirs["refresh_token"],
        theirs["access_token"],
        theirs["client_secret"],
    ):
        assert secret
        assert secret not in seen
    ended = now_of(sign_in)
    assert (ended.device_code, ended.client_secret, ended.client_id) == ("", "", "")
