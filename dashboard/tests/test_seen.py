"""Who sees what: a person their own, nobody nothing, a viewer everything."""

import pytest
from django.contrib.auth.models import Permission
from django.test import AsyncClient

from clients.signals import usage_written
from dashboard.tests.conftest import add_account
from dashboard.tests.test_live import Browser
from dashboard.tests.used import SECRETS_OF_BEN, browser_of, make_person, use_of_two

PAGES = [
    "/usage",
    "/usage?split=key",
    "/usage/part?split=model",
    "/usage/part?split=session&span=day",
    "/usage.csv?split=key",
    "/usage.json?split=model",
    "/requests",
    "/requests/part",
    "/requests.csv",
    "/requests.json",
    "/me",
]


@pytest.fixture
def two(transactional_db):
    add_account("the name of an account", last_error="the service failed (500)")
    return use_of_two()


async def text_of(response) -> str:
    if response.streaming:
        return str(b"".join([part async for part in response]), "utf-8")
    return str(response.content, "utf-8")


def asked_for(ben) -> list[str]:
    """Everything that names him, in each filter."""
    names = (f"owner={ben.user.pk}", f"key={ben.key.pk}", "account=77")
    words = ("session=ben-session", "model=model-of-ben")
    return ["", *names, *words]


@pytest.mark.parametrize("path", PAGES)
async def test_a_person_sees_nothing_of_another(two, path):
    cleo, ben = two
    browser = await browser_of(cleo)
    for asked in asked_for(ben):
        response = await browser.get(f"{path}{'&' if '?' in path else '?'}{asked}")
        text = await text_of(response)
        for secret in SECRETS_OF_BEN:
            if secret not in asked:  # what was asked for stands in the filter
                assert secret not in text, (path, asked)
        assert "req_shared" not in text
        assert "the name of an account" not in text


async def test_a_person_sees_what_is_their_own(two):
    cleo, _ = two
    browser = await browser_of(cleo)
    assert "req_cleo" in await text_of(await browser.get("/requests"))
    assert "req_cleo" in await text_of(await browser.get("/requests.csv"))
    assert "model-of-cleo" in await text_of(await browser.get("/usage?split=model"))
    assert "cleo-key" in await text_of(await browser.get("/me"))


async def test_a_person_cannot_split_by_what_is_of_others(two):
    cleo, _ = two
    for split in ("owner", "account"):
        response = await (await browser_of(cleo)).get(f"/usage.json?split={split}")
        assert response.status_code == 400


async def test_on_the_first_page_a_person_sees_what_anybody_does(two):
    browser = await browser_of(two[0])
    for path in ("/", "/pool", "/api/tokens"):
        text = await text_of(await browser.get(path))
        assert "the name of an account" not in text
        assert "service failed" not in text
        assert "Today" not in text


@pytest.mark.parametrize("path", [*PAGES, "/usage/part", "/requests/part"])
async def test_nobody_sees_anything(two, path):
    for browser in (AsyncClient(), AsyncClient(headers={"cookie": "x"})):
        browser.cookies["kiro2api_session"] = "x" * 32
        response = await browser.get(path)
        assert response.status_code == 302
        assert response["Location"].startswith("/login?next=/")
        assert response.content == b""
        part = await browser.get(path, headers={"hx-request": "true"})
        assert (part.status_code, part.content) == (401, b"")
        assert part["HX-Redirect"].startswith("/login")


async def test_whoever_may_see_records_sees_those_of_all(two, person):
    browser = await browser_of(person)
    text = await text_of(await browser.get("/requests"))
    for request in ("req_cleo", "req_ben", "req_shared"):
        assert request in text
    assert "Today" in await text_of(await browser.get("/"))
    only = await text_of(await browser.get(f"/requests?owner={two[1].user.pk}"))
    assert "req_ben" in only
    assert "req_cleo" not in only


@pytest.fixture
def viewer(two):
    user = make_person("viewer").user
    user.user_permissions.add(Permission.objects.get(codename="view_usagerecord"))
    return user


async def test_the_permission_is_what_it_takes(viewer):
    text = await text_of(await (await browser_of(viewer)).get("/requests"))
    assert "req_ben" in text
    assert "the name of an account" not in await text_of(
        await (await browser_of(viewer)).get("/")
    )


async def socket_of(person) -> Browser:
    browser = await browser_of(person)
    cookies = {name: morsel.value for name, morsel in browser.cookies.items()}
    return Browser("/ws/usage", cookies)


async def wrote(*owners: int) -> None:
    await usage_written.asend(None, owners=set(owners))


async def test_the_socket_is_closed_to_nobody(two):
    for cookies in ({}, {"kiro2api_session": "x" * 32}):
        accepted, _ = await Browser("/ws/usage", cookies).connect(timeout=5)
        assert not accepted


async def test_the_socket_tells_a_person_of_their_own_requests_alone(two, person):
    cleo, ben = two
    async with await socket_of(cleo) as own, await socket_of(person) as every:
        await wrote(ben.user.pk)
        assert await every.fragment() == "look"
        assert await own.receive_nothing(timeout=0.3)
        await wrote(cleo.user.pk)
        assert await own.fragment() == "look"


async def test_on_the_first_page_the_socket_shows_today_to_those_alone_who_may(
    two, person
):
    for who, shown in ((two[0], False), (person, True)):
        browser = await browser_of(who)
        cookies = {name: morsel.value for name, morsel in browser.cookies.items()}
        async with Browser(cookies=cookies) as socket:
            fragment = await socket.fragment()
        assert ("Today" in fragment) is shown
        assert ("the name of an account" in fragment) is shown
