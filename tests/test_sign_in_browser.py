"""Signing in to Kiro from the admin, in a real browser."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from simulator.control import Control
from tests.browser import PHONE, fits, log_in
from tests.conftest import StartGateway
from tests.processes import Gateway

pytestmark = pytest.mark.browser

SIGN_IN = "admin/accounts/account/sign-in/"


@pytest.fixture
def admin(page: Page, start_gateway: StartGateway) -> Gateway:
    gateway = start_gateway()
    log_in(page, gateway)
    return gateway


def test_a_code_confirmed_elsewhere_finishes_every_open_page(
    page: Page,
    admin: Gateway,
    upstream: Control,
):
    page.goto(f"{admin.url}/admin/accounts/account/")
    page.get_by_role("link", name="Sign in to Kiro").first.click()
    page.get_by_label("Organisation").check()
    expect(page.locator("[name=start_url]")).to_be_visible()
    page.get_by_label("AWS Builder ID").check()
    expect(page.locator("[name=start_url]")).to_be_hidden()
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Get a code").click()
    code = page.locator("#sign-in-code").inner_text()
    expect(page.locator("[data-seconds-left]")).to_have_text(re.compile(r"^\d+:\d\d$"))
    page.reload()
    expect(page.locator("#sign-in-code")).to_have_text(code)
    other_tab = page.context.new_page()
    other_tab.goto(page.url)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open the link").click()
    elsewhere = opened.value
    expect(elsewhere.locator("code")).to_have_text(code)
    elsewhere.get_by_role("button", name="Sign in as somebody new").click()
    expect(elsewhere.locator("body")).to_contain_text("Approved as guest-1")
    for tab in (page, other_tab):
        expect(tab.get_by_text("Signed in: 1,000 of 1,000 credits left")).to_be_visible(
            timeout=30_000
        )
    page.get_by_role("link", name="To the account").click()
    expect(page.locator("[name=name]")).to_have_value("Ada")
    assert upstream.account("guest-1")["kind"] == "builder_id"


def test_a_pasted_address_finishes_a_sign_in(
    page: Page,
    admin: Gateway,
    upstream: Control,
):
    newcomer = {"name": "gus", "kind": "social", "credits_limit": 500}
    upstream.set_accounts([newcomer])
    upstream.sign_in_as("gus")
    page.goto(f"{admin.url}/{SIGN_IN}")
    page.get_by_text("The other way for Google and GitHub").click()
    page.get_by_role("button", name="Get a link").click()
    link = page.get_by_role("link", name="Open the link").get_attribute("href")
    assert link is not None and link.startswith("https://app.kiro.dev/signin?")
    asked = link.replace("https://app.kiro.dev", upstream.url)
    address = httpx.get(asked, trust_env=False).headers["location"]
    page.get_by_label("Address").fill("http://localhost:3128/")
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_text("This is not the address on which")).to_be_visible()
    page.get_by_label("Address").fill(address)
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_text("Signed in: 500 of 500 credits left")).to_be_visible()


def test_a_denied_sign_in_is_said_and_begins_again_by_a_button(
    page: Page,
    admin: Gateway,
    upstream: Control,
):
    page.set_viewport_size(PHONE)
    page.goto(f"{admin.url}/{SIGN_IN}")
    assert fits(page)
    page.get_by_label("GitHub").check()
    page.get_by_role("button", name="Get a code").click()
    code = page.locator("#sign-in-code").inner_text()
    assert fits(page)
    upstream.deny_device(code)
    expect(page.get_by_text("Not signed in")).to_be_visible(timeout=30_000)
    assert fits(page)
    page.get_by_role("button", name="Start again").click()
    expect(page.locator("#sign-in-code")).not_to_have_text(code)
