"""What a person sees: the dashboard and the admin in a real browser."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from simulator.control import Control
from tests.conftest import StartGateway
from tests.processes import Gateway

pytestmark = pytest.mark.browser

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Fails if anything was asked of another host, or a script broke."""
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    asked: list[str] = []
    broken: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: broken.append(str(error)))
    yield page
    context.close()
    elsewhere = [
        url for url in asked if not re.match(r"(http|ws)://127\.0\.0\.1:", url)
    ]
    assert [url for url in elsewhere if not url.startswith("data:")] == []
    assert broken == []


def ask(gateway: Gateway) -> None:
    body = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}
    answer = httpx.post(
        f"{gateway.url}/v1/messages",
        headers={"x-api-key": gateway.key},
        json=body,
        timeout=30,
    )
    assert answer.status_code == 200


def log_in(page: Page, gateway: Gateway) -> None:
    page.goto(f"{gateway.url}/admin/login/")
    page.get_by_label("Username").fill("admin")
    page.locator("input[name=password]").fill(gateway.env["ADMIN_PASSWORD"])
    page.locator("[type=submit]").first.click()
    expect(page).to_have_url(re.compile(r"/admin/$"))


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
    wide, seen = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= seen


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
