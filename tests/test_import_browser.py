"""Importing accounts and taking a backup, in a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from simulator.control import Control
from tests.browser import PHONE, fits, log_in
from tests.conftest import StartGateway
from tests.processes import Gateway

pytestmark = pytest.mark.browser

NEWCOMER: dict[str, Any] = {
    "name": "fourth",
    "kind": "social",
    "refresh_token": "aorFourth" + "4" * 100,
    "credits_limit": 1000,
    "credits_used": 188,
}
ENTRIES = [
    {"refreshToken": NEWCOMER["refresh_token"], "description": "fourth"},
    {"refreshToken": NEWCOMER["refresh_token"], "description": "fourth again"},
    {"refreshToken": "aorFirst" + "1" * 100},
    {"auth": "IdC", "refreshToken": "aorFifth" + "5" * 100},
]


@pytest.fixture
def admin(page: Page, start_gateway: StartGateway) -> Gateway:
    gateway = start_gateway()
    log_in(page, gateway)
    return gateway


def list_page(page: Page, gateway: Gateway) -> None:
    page.goto(f"{gateway.url}/admin/accounts/account/")


def test_files_are_imported_after_a_look_at_what_would_happen(
    page: Page,
    admin: Gateway,
    upstream: Control,
    tmp_path: Path,
):
    upstream.set_accounts([NEWCOMER])
    file = tmp_path / "team.json"
    file.write_text(json.dumps(ENTRIES))
    list_page(page, admin)
    page.get_by_role("link", name="Import").click()
    page.get_by_label("Files").set_input_files(file)
    page.get_by_role("button", name="See what would happen").click()
    rows = page.locator("tbody").get_by_role("row")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("fourth")
    expect(rows.nth(1)).to_contain_text("the same as line 1")
    expect(rows.nth(2)).to_contain_text("known: first stays as it is")
    expect(rows.nth(3)).to_contain_text("IdC needs clientId and clientSecret")
    assert "aorF" not in page.content()
    page.reload()
    expect(rows).to_have_count(4)
    page.get_by_role("button", name="Import 1 account").click()
    expect(page.get_by_text("1 account added.")).to_be_visible()
    told = re.compile("fourth: ready: 812 of 1,000 credits left")
    expect(page.get_by_text(told)).to_be_visible()
    assert "aorF" not in page.content()


def test_a_backup_is_downloaded_and_brings_back_what_was_deleted(
    page: Page,
    admin: Gateway,
    tmp_path: Path,
):
    list_page(page, admin)
    page.get_by_role("link", name="Backup").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    admin.sql(
        "DELETE FROM accounts_importedtoken",
        "DELETE FROM accounts_account WHERE name = 'second'",
    )
    list_page(page, admin)
    page.get_by_role("link", name="Import").click()
    page.get_by_label("Files").set_input_files(saved)
    page.get_by_role("button", name="See what would happen").click()
    page.get_by_label("Test them afterwards").uncheck()
    page.get_by_role("button", name="Import 1 account").click()
    expect(page.get_by_text("1 account added.")).to_be_visible()
    names = admin.sql("SELECT name FROM accounts_account ORDER BY position")
    assert [name for (name,) in names] == ["first", "second", "third"]


def test_the_pages_fit_a_phone(page: Page, admin: Gateway):
    page.set_viewport_size(PHONE)
    for path in ("import/", "backup/"):
        page.goto(f"{admin.url}/admin/accounts/account/{path}")
        assert fits(page)
    page.goto(f"{admin.url}/admin/accounts/account/import/")
    page.get_by_label("Or paste the content").fill(json.dumps(ENTRIES))
    page.get_by_role("button", name="See what would happen").click()
    expect(page.get_by_text("the same as line 1")).to_be_visible()
    assert fits(page)
