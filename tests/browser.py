"""A real browser for tests: its fixtures, and what a person does in it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import (
    Browser,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.processes import Gateway

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


def log_in(page: Page, gateway: Gateway, name: str = "admin") -> None:
    """Into the admin; people of other names have the administrator's password."""
    page.goto(f"{gateway.url}/admin/login/?next=/admin/")
    page.get_by_label("Username").fill(name)
    page.locator("input[name=password]").fill(gateway.env["ADMIN_PASSWORD"])
    page.locator("[type=submit]").first.click()
    expect(page).to_have_url(re.compile(r"/admin/$"))


def fits(page: Page) -> bool:
    """Nobody has to scroll sideways."""
    wide, seen = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    return bool(wide <= seen)
