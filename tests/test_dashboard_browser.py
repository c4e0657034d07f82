"""The dashboard in a real browser: charts, live pages, files, a person's own page."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests import browser as fixtures
from tests.browser import PHONE, fits
from tests.processes import Gateway, manage

pytestmark = pytest.mark.browser

browser, page = fixtures.browser, fixtures.page

SOON = 1000.0
"""Milliseconds from a request's end to what is seen of it; 2000 between two looks."""

# The share of the canvas that is painted on.
PAINTED = """
figure => {
  const canvas = figure.querySelector("canvas");
  const { data } = canvas.getContext("2d")
    .getImageData(0, 0, canvas.width, canvas.height);
  let painted = 0;
  for (let at = 3; at < data.length; at += 4) if (data[at]) painted++;
  return painted * 4 / data.length;
}
"""
# Which colours the bars of the first chart have.
COLOURS = """
() => {
  const canvas = document.querySelector(".chart canvas");
  const { data } = canvas.getContext("2d")
    .getImageData(0, 0, canvas.width, canvas.height);
  const found = new Set();
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 3] === 255) found.add(data.slice(at, at + 3).join());
  return [...found].sort();
}
"""
PEOPLE = """
import json
from django.contrib.auth.models import User
from clients.models import ApiKey
User.objects.filter(username__in=["cleo", "ben"]).delete()
for name in ("cleo", "ben"):
    user = User.objects.create_user(name, password="a long password")
    row = ApiKey(name=f"{name}-key", owner=user, credits_per_month=50)
    print(name, row.make_key())
    row.save()
"""


@pytest.fixture
def keys(gateway: Gateway) -> dict[str, str]:
    """Of two people without admin rights."""
    done = manage("shell", "-v0", "-c", PEOPLE, env=gateway.env)
    assert done.returncode == 0, done.stderr
    return dict(line.split() for line in done.stdout.splitlines())


def log_in(page: Page, gateway: Gateway, name: str = "admin", to: str = "/") -> None:
    page.goto(f"{gateway.url}/login?next={to}")
    password = gateway.env["ADMIN_PASSWORD"] if name == "admin" else "a long password"
    page.get_by_label("Username").fill(name)
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{gateway.url}{to}")


def ask(gateway: Gateway, key: str = "") -> str:
    """Of the request's id."""
    answer = httpx.post(
        f"{gateway.url}/v1/messages",
        headers={"x-api-key": key or gateway.key},
        json={"model": "auto", "messages": [{"role": "user", "content": "Hello"}]},
        timeout=30,
    )
    assert answer.status_code == 200
    return str(answer.headers["request-id"])


def test_requests_appear_within_a_second_in_two_browsers(
    page: Page, browser: Browser, gateway: Gateway
):
    other = browser.new_context().new_page()
    for one in (page, other):
        log_in(one, gateway, to="/requests")
        expect(one.get_by_text("Live", exact=True)).to_be_visible()
    request = ask(gateway)
    for one in (page, other):
        expect(one.locator("#part")).to_contain_text(request, timeout=SOON)
    other.context.close()


def test_charts_are_drawn_and_follow(page: Page, gateway: Gateway):
    ask(gateway)
    log_in(page, gateway, to="/usage")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    figures = page.locator("figure.chart")
    expect(figures).to_have_count(6)
    expect(page.locator("figure.chart canvas")).to_have_count(6)
    for number in range(6):
        assert figures.nth(number).evaluate(PAINTED) > 0.005
    total = figures.first.locator("strong")
    before = int(total.inner_text().replace(",", ""))
    ask(gateway)
    expect(total).to_have_text(f"{before + 1:,}", timeout=2 * SOON)
    expect(page.locator("figure.chart canvas")).to_have_count(6)


def test_what_was_opened_stays_open_when_news_come(page: Page, gateway: Gateway):
    first = ask(gateway)
    log_in(page, gateway, to="/requests")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    details = page.locator("tr.details", has_text=first)
    expect(details).to_be_hidden()
    page.locator(".opens").first.press("Enter")
    expect(details).to_be_visible()
    second = ask(gateway)
    expect(page.locator("#part")).to_contain_text(second, timeout=5 * SOON)
    expect(details).to_be_visible()


def test_filters_hold_as_soon_as_they_are_chosen(page: Page, gateway: Gateway):
    ask(gateway)
    log_in(page, gateway, to="/usage")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.get_by_label("Split by").select_option("model")
    expect(page).to_have_url(re.compile(r"\?span=day&split=model$"))
    expect(page.locator(".legend li")).not_to_have_count(0)
    expect(page.get_by_label("From")).to_be_hidden()
    page.get_by_label("Time").select_option("own")
    expect(page.get_by_label("From")).to_be_visible()
    page.get_by_label("From").fill("2026-01-01T00:00")
    page.get_by_label("Until").fill("2026-01-02T00:00")
    expect(page.get_by_text("No requests in this time.")).to_be_visible()


def test_charts_have_the_colours_of_the_theme(page: Page, gateway: Gateway):
    ask(gateway)
    log_in(page, gateway, to="/usage")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    theme = page.locator("#theme")
    theme.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    expect(page.locator("figure.chart canvas")).to_have_count(6)
    light = page.evaluate(COLOURS)
    theme.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("figure.chart canvas")).to_have_count(6)
    assert page.evaluate(COLOURS) != light


def test_files_open(page: Page, gateway: Gateway, tmp_path: Path):
    request = ask(gateway)
    log_in(page, gateway, to="/requests")
    expect(page.locator("#part")).to_contain_text(request, timeout=5 * SOON)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "requests.csv"
    download.value.save_as(tmp_path / "requests.csv")
    with (tmp_path / "requests.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["request_id"] == request
    assert float(rows[0]["credits"]) > 0
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    download.value.save_as(tmp_path / "requests.json")
    told = json.loads((tmp_path / "requests.json").read_text())
    assert told["rows"][0]["request_id"] == request


def test_my_page_shows_nothing_of_others(
    page: Page, gateway: Gateway, keys: dict[str, str]
):
    of_ben, of_nobody = ask(gateway, keys["ben"]), ask(gateway)
    log_in(page, gateway, "cleo", to="/me")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    mine = ask(gateway, keys["cleo"])
    expect(page.locator("figure.chart strong").first).to_have_text(
        "1", timeout=5 * SOON
    )
    assert "ben" not in page.content()
    page.goto(f"{gateway.url}/requests")
    expect(page.locator("#part")).to_contain_text(mine)
    for asked in ("requests", "requests.json", "requests.csv", "usage?split=key"):
        told = page.request.get(f"{gateway.url}/{asked}").text()
        assert of_ben not in told
        assert of_nobody not in told
        assert "ben-key" not in told
    expect(page.get_by_role("link", name="Admin")).to_have_count(0)


def test_a_key_is_made_and_works_and_is_revoked(
    page: Page, gateway: Gateway, keys: dict[str, str]
):
    log_in(page, gateway, "cleo", to="/me")
    page.get_by_label("A new key, for").fill("laptop")
    page.get_by_role("button", name="Make a key").click()
    key = page.locator("#made").inner_text()
    ask(gateway, key)
    page.goto(f"{gateway.url}/me")
    assert key not in page.content()
    card = page.get_by_role("article").filter(has_text="laptop")
    card.locator("summary").click()
    card.get_by_role("button", name="Revoke it").click()
    expect(card).to_contain_text("revoked")
    answer = httpx.post(
        f"{gateway.url}/v1/messages", headers={"x-api-key": key}, json={}, timeout=30
    )
    assert answer.status_code == 401


def test_settings_are_copied_by_a_button(page: Page, gateway: Gateway):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{gateway.url}/connect")
    page.locator("#codex").get_by_role("button", name="Copy").first.click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f'base_url = "{gateway.url}/v1"' in copied


@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
def test_every_page_fits_a_phone(browser: Browser, gateway: Gateway, language: str):
    context = browser.new_context(locale="en-US", viewport=PHONE)
    page = context.new_page()
    ask(gateway)
    log_in(page, gateway)
    context.set_extra_http_headers({"accept-language": language})
    for path in ("/", "/usage?split=model", "/requests", "/me", "/connect"):
        page.goto(f"{gateway.url}{path}")
        assert fits(page), path
    context.close()


def test_without_scripts_everything_can_be_read(browser: Browser, gateway: Gateway):
    request = ask(gateway)
    context = browser.new_context(locale="en-US", java_script_enabled=False)
    page = context.new_page()
    log_in(page, gateway, to="/requests")
    expect(page.get_by_text(request)).to_be_visible()
    page.goto(f"{gateway.url}/usage?split=model")
    expect(page.get_by_role("table").first).to_contain_text("auto")
    context.close()
