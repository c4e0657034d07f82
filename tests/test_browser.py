"""What a person sees: the dashboard and the admin in a real browser."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from simulator.control import Control
from tests.browser import PHONE, fits, log_in
from tests.conftest import StartGateway
from tests.processes import Gateway

pytestmark = pytest.mark.browser


def ask(gateway: Gateway) -> None:
    body = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}
    answer = httpx.post(
        f"{gateway.url}/v1/messages",
        headers={"x-api-key": gateway.key},
        json=body,
        timeout=30,
    )
    assert answer.status_code == 200


def test_the_dashboard_follows_the_pool_by_itself(page: Page, gateway: Gateway):
    page.goto(gateway.url)
    table = page.get_by_role("table")
    expect(table).to_contain_text("never")
    ask(gateway)
    expect(table).to_contain_text("now")
    expect(table.get_by_role("row")).to_have_count(1 + 3)


def test_the_dashboard_speaks_chinese_and_remembers_it(page: Page, gateway: Gateway):
    page.goto(gateway.url)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", re.compile("zh"))
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_contain_text("令牌")


def test_a_phone_shows_every_account_without_scrolling_sideways(
    page: Page, gateway: Gateway
):
    page.set_viewport_size(PHONE)
    page.goto(gateway.url)
    expect(page.get_by_role("row")).not_to_have_count(0)
    assert fits(page)


def test_an_account_is_added_in_the_admin_and_serves(
    page: Page, start_gateway: StartGateway, upstream: Control
):
    gateway = start_gateway()
    newcomer = {
        "name": "fourth",
        "kind": "social",
        "refresh_token": "aorFourth" + "4" * 100,
        "email": "fourth@example.com",
    }
    upstream.set_accounts([newcomer])
    log_in(page, gateway)
    page.goto(f"{gateway.url}/admin/accounts/account/add/")
    pasted = {"auth": "Social", "refreshToken": newcomer["refresh_token"]}
    page.locator("[name=name]").fill("fourth")
    page.locator("[name=new_refresh_token]").fill(json.dumps(pasted))
    page.locator("[name=_save]").click()
    expect(page.get_by_text(re.compile("ready", re.IGNORECASE)).first).to_be_visible()
    ask(gateway)
    assert upstream.account("fourth")["metered_requests"] == 1


def test_a_client_key_is_made_in_the_admin_shown_once_and_works(
    page: Page, gateway: Gateway
):
    log_in(page, gateway)
    page.goto(f"{gateway.url}/admin/clients/apikey/add/")
    page.locator("[name=name]").fill("Ada's laptop")
    page.locator("[name=_save]").click()
    shown = page.locator("code").first
    expect(shown).to_have_text(re.compile(r"^sk-kiro-"))
    key = shown.inner_text()
    page.reload()
    assert key not in page.content()
    models = httpx.get(f"{gateway.url}/v1/models", headers={"x-api-key": key})
    assert models.status_code == 200
