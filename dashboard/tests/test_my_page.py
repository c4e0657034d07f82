"""A person's own page: keys made, rotated and revoked there."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from clients import keys, periods
from clients.keys import Client
from clients.models import SHOWN as SHOWN_OF_IT
from clients.models import ApiKey, KeyUse
from dashboard import mykeys
from dashboard.tests.used import Person, browser_of, make_person
from kiro2api.database import in_database

SHOWN = re.compile(r'<code id="made">(sk-kiro-[\w-]{43})</code>')


@pytest.fixture
def cleo(transactional_db) -> Person:
    keys.forget()
    return make_person(
        "cleo",
        credits_per_month=Decimal(50),
        requests_per_minute=10,
        allowed_models=["claude-sonnet-5"],
        account_group="team",
    )


def shown_on(page: str) -> str:
    found = SHOWN.search(page)
    assert found
    return found[1]


async def known(key: str) -> Client:
    client = await keys.identify(key)
    assert client
    return client


async def told(person, **asked):
    response = await (await browser_of(person)).post("/me", asked)
    assert response.status_code == 200
    return response.content.decode()


async def test_a_new_key_is_shown_once_and_is_as_the_first(cleo):
    page = await told(cleo, action="make", name="laptop", seen=1)
    text = shown_on(page)
    client = await known(text)
    assert (client.name, client.owner_id) == ("laptop", cleo.user.pk)
    made = await in_database(ApiKey.objects.get)(name="laptop")
    for column in mykeys.AS_THE_FIRST:
        assert getattr(made, column) == getattr(cleo.key, column)
    again = (await (await browser_of(cleo)).get("/me")).content.decode()
    assert text not in again
    assert text[:SHOWN_OF_IT] in again


async def test_asking_twice_for_the_same_one_makes_one(cleo):
    await told(cleo, action="make", name="laptop", seen=1)
    page = await told(cleo, action="make", name="laptop", seen=1)
    assert "Your keys have changed" in page
    assert await in_database(ApiKey.objects.count)() == 2


async def test_there_are_as_many_as_the_operator_allows(cleo, settings):
    settings.MY_KEYS_MOST = 2
    await told(cleo, action="make", name="laptop", seen=1)
    page = await told(cleo, action="make", name="third", seen=2)
    assert "as many keys as you may have" in page
    assert await in_database(ApiKey.objects.count)() == 2


async def test_a_revoked_key_counts_until_the_month_is_over(cleo, settings):
    settings.MY_KEYS_MOST = 2
    await told(cleo, action="make", name="laptop", seen=1)
    made = await in_database(ApiKey.objects.get)(name="laptop")
    await told(cleo, action="revoke", key=made.pk)
    assert not await in_database(mykeys.may_make)(cleo.user.pk)
    before = periods.month_of(timezone.now()) - timedelta(days=1)
    rows = ApiKey.objects.filter(pk=made.pk)
    await in_database(rows.update)(created_at=before)
    assert await in_database(mykeys.may_make)(cleo.user.pk)
    await in_database(KeyUse.objects.create)(
        key=made, period="month", start=periods.month_of(timezone.now()), requests=1
    )
    assert not await in_database(mykeys.may_make)(cleo.user.pk)


async def test_without_a_first_key_of_an_operator_there_is_none(cleo):
    await told(cleo, action="revoke", key=cleo.key.pk)
    page = await told(cleo, action="make", name="laptop", seen=1)
    assert "An operator makes the first key" in page
    assert SHOWN.search(page) is None


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_rotated_key_goes_on_for_a_day_or_ends_at_once(cleo, at_once):
    asked = {"at_once": "1"} if at_once else {}
    page = await told(
        cleo, action="rotate", key=cleo.key.pk, begins=cleo.key.prefix, **asked
    )
    assert (await known(shown_on(page))).key_id == cleo.key.pk
    before = await keys.identify(cleo.text)
    assert (before is None) is at_once


async def test_a_key_is_not_rotated_twice_by_one_click(cleo):
    asked = {"action": "rotate", "key": cleo.key.pk, "begins": cleo.key.prefix}
    await told(cleo, **asked)
    page = await told(cleo, **asked)
    assert "rotated already" in page
    assert SHOWN.search(page) is None
    assert await keys.identify(cleo.text)  # the overlap stays


async def test_a_revoked_key_is_refused(cleo):
    assert await keys.identify(cleo.text)
    page = await told(cleo, action="revoke", key=cleo.key.pk)
    assert "revoked" in page
    assert await keys.identify(cleo.text) is None


@pytest.mark.parametrize("action", ["rotate", "revoke"])
async def test_the_key_of_another_is_out_of_reach(cleo, action):
    ben = await in_database(make_person)("ben")
    page = await told(cleo, action=action, key=ben.key.pk, begins=ben.key.prefix)
    assert "does not work any more" in page
    assert SHOWN.search(page) is None
    assert (await known(ben.text)).name == "ben-key"


@pytest.mark.parametrize(
    "asked",
    [{}, {"action": "x"}, {"action": "make", "name": " ", "seen": 1}, {"key": "x"}],
)
async def test_what_cannot_be_done_is_not(cleo, asked):
    page = await told(cleo, **asked)
    assert 'role="alert"' in page
    assert await in_database(ApiKey.objects.count)() == 1


async def test_a_key_that_an_operator_switched_off_stays_off(cleo):
    await in_database(ApiKey.objects.update)(enabled=False)
    for action in ("rotate", "revoke"):
        await told(cleo, action=action, key=cleo.key.pk, begins=cleo.key.prefix)
    await told(cleo, action="make", name="laptop", seen=1)
    assert not await in_database(ApiKey.objects.filter(enabled=True).exists)()


async def test_limits_stand_with_what_is_used_of_them(cleo):
    month = periods.month_of(timezone.now())
    await in_database(KeyUse.objects.create)(
        key=cleo.key, period="month", start=month, credits=Decimal("12.5")
    )
    page = (await (await browser_of(cleo)).get("/me")).content.decode()
    assert "12.50 of 50.00" in page
    assert '<rect class="left" width="25.0"' in page
