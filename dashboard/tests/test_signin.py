"""In and out."""

import pytest

from dashboard.tests.used import make_person

RIGHT = {"username": "cleo", "password": "a long password"}


@pytest.fixture(autouse=True)
def cleo(transactional_db):
    return make_person("cleo")


async def test_a_person_without_admin_rights_gets_in_and_out(browser):
    assert (await browser.get("/me")).status_code == 302
    answer = await browser.post("/login", {**RIGHT, "next": "/me"})
    assert (answer.status_code, answer["Location"]) == (302, "/me")
    page = await browser.get("/me")
    assert "cleo-key" in page.content.decode()
    assert "/admin/" not in page.content.decode()
    answer = await browser.post("/logout")
    assert answer["Location"] == "/"
    assert (await browser.get("/me")).status_code == 302


async def test_a_wrong_password_lets_nobody_in(browser):
    answer = await browser.post("/login", {**RIGHT, "password": "wrong"})
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert (await browser.get("/me")).status_code == 302


async def test_nobody_is_sent_to_another_host(browser):
    answer = await browser.post("/login", {**RIGHT, "next": "https://example.com/"})
    assert answer["Location"] == "/"


async def test_out_is_no_link_that_somebody_else_could_lay(browser):
    await browser.post("/login", RIGHT)
    assert (await browser.get("/logout")).status_code == 405
    assert (await browser.get("/me")).status_code == 200


async def test_nothing_of_the_login_is_kept(browser):
    for answer in (await browser.get("/login"), await browser.post("/login", RIGHT)):
        assert answer["Cache-Control"] == "no-store"
        assert "default-src 'self'" in answer["Content-Security-Policy"]
