"""Keeping the accounts in the admin, in a real browser."""

from __future__ import annotations

import re
from itertools import product

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from simulator.control import Control
from tests.browser import PHONE, fits, log_in
from tests.conftest import ACCOUNTS, StartGateway
from tests.processes import Gateway, until

pytestmark = pytest.mark.browser

LIST = "admin/accounts/account/"
MANY = 30


@pytest.fixture
def admin(page: Page, start_gateway: StartGateway) -> Gateway:
    gateway = start_gateway()
    log_in(page, gateway)
    return gateway


def open_list(page: Page, gateway: Gateway, query: str = "") -> None:
    page.goto(f"{gateway.url}/{LIST}{query}")


def open_account(page: Page, gateway: Gateway, name: str) -> None:
    open_list(page, gateway)
    page.get_by_role("link", name=name).first.click()
    expect(page.locator("[name=name]")).to_have_value(name)


def names_in_order(gateway: Gateway) -> list[str]:
    rows = gateway.sql("SELECT name FROM accounts_account ORDER BY position, id")
    return [name for (name,) in rows]


def shown_names(page: Page) -> list[str]:
    return page.locator("th.field-account strong").all_inner_texts()


def drag(page: Page, name: str, onto: str) -> None:
    """By its handle, in steps, as a hand does."""
    moved, goal = (
        page.locator("tbody", has=page.get_by_text(each, exact=True))
        .locator("[x-sort\\:handle]")
        .first
        for each in (name, onto)
    )
    moved.scroll_into_view_if_needed()
    start, end = moved.bounding_box(), goal.bounding_box()
    assert start and end
    page.mouse.move(start["x"] + 15, start["y"] + start["height"] / 2)
    page.mouse.down()
    goal_y = end["y"] + end["height"] / 2
    page.mouse.move(end["x"] + 15, goal_y, steps=12)

    def arrived() -> bool:
        """Rows make way for it a moment after the hand has passed them."""
        page.mouse.move(end["x"] + 15, goal_y - 2)
        page.mouse.move(end["x"] + 15, goal_y + 2)
        names = shown_names(page)
        return names.index(name) < names.index(onto)

    until(arrived, seconds=10)
    page.mouse.up()


def add_many(gateway: Gateway) -> None:
    """More of them, as copies of the first."""
    columns = [name for (_id, name, *_) in gateway.sql(TABLE) if name != "id"]
    copied = ", ".join(
        {"name": "'copy ' || n", "position": "n + 2"}.get(name, f'"{name}"')
        for name in columns
    )
    into = ", ".join(f'"{name}"' for name in columns)
    gateway.sql(
        f"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t"
        f" WHERE n < {MANY - len(ACCOUNTS)})"
        f" INSERT INTO accounts_account ({into}) SELECT {copied}"
        " FROM accounts_account, t WHERE name = 'first'"
    )


TABLE = "PRAGMA table_info(accounts_account)"


def test_an_account_is_dragged_before_another_and_stays_there(
    page: Page, admin: Gateway
):
    open_list(page, admin)
    drag(page, "third", onto="first")
    expect(page.locator("#order-told")).to_have_text("The order is saved.")
    assert names_in_order(admin) == ["third", "first", "second"]
    page.reload()
    assert shown_names(page) == ["third", "first", "second"]


def test_dragging_among_what_a_filter_left_keeps_the_others_in_place(
    page: Page, admin: Gateway
):
    add_many(admin)
    before = names_in_order(admin)
    open_list(page, admin, "?q=copy+1")
    assert shown_names(page)[:3] == ["copy 1", "copy 10", "copy 11"]
    drag(page, "copy 11", onto="copy 1")
    expect(page.locator("#order-told")).to_have_text("The order is saved.")
    after = names_in_order(admin)
    assert len(after) == MANY
    assert [i for i, name in enumerate(after) if name != before[i]] == [3, 12, 13]
    assert (after[3], after[12], after[13]) == ("copy 11", "copy 1", "copy 10")


def test_thirty_accounts_are_taken_to_the_front_together(page: Page, admin: Gateway):
    add_many(admin)
    open_list(page, admin)
    for name in ("copy 26", "copy 27"):
        row = page.locator("tbody", has=page.get_by_text(name, exact=True))
        row.locator("input.action-select").check()
    page.locator("[name=action]").select_option("accounts_to_front")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("They are used before all others now.")).to_be_visible()
    assert names_in_order(admin)[:3] == ["copy 26", "copy 27", "first"]


def test_a_kind_shows_the_boxes_it_needs(page: Page, admin: Gateway, upstream: Control):
    upstream.set_accounts([{"name": "eve", "kind": "api_key"}])
    page.goto(f"{admin.url}/{LIST}add/")
    token = page.locator("[name=new_refresh_token]")
    key = page.locator("[name=new_api_key]")
    secret = page.locator("[name=new_client_secret]")
    expect(token).to_be_visible()
    expect(secret).to_be_hidden()
    page.locator("[name=kind]").select_option("idc")
    expect(secret).to_be_visible()
    secret.fill("typed, and then thought better of")
    page.locator("[name=kind]").select_option("api_key")
    expect(secret).to_be_hidden()
    expect(token).to_be_hidden()
    key.fill(str(upstream.account("eve")["api_key"]))
    page.locator("[name=_save]").click()
    expect(page.get_by_text(re.compile("API key 4: ready: "))).to_be_visible()


def test_a_button_of_a_row_asks_and_then_acts(page: Page, admin: Gateway):
    open_list(page, admin)
    row = page.locator("tbody", has=page.get_by_text("second", exact=True))
    row.get_by_text("more_horiz").click()
    page.get_by_role("link", name="Disable").locator("visible=true").click()
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("1 account disabled.")).to_be_visible()
    expect(row).to_contain_text("disabled")


def test_a_test_prompt_is_sent_by_the_chosen_account(
    page: Page, admin: Gateway, upstream: Control
):
    open_account(page, admin, "second")
    page.get_by_role("link", name="Send a test prompt").click()
    expect(page.get_by_text("Test prompt by second").first).to_be_visible()
    page.get_by_label("prompt").fill("Which way did this take?")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text(re.compile(r"tokens in, \d+ out"))).to_be_visible()
    assert upstream.account("second")["metered_requests"] == 1


def test_the_page_of_an_account_shows_its_requests(page: Page, admin: Gateway):
    body = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}
    answer = httpx.post(
        f"{admin.url}/v1/messages",
        headers={"x-api-key": admin.key},
        json=body,
        timeout=30,
    )
    assert answer.status_code == 200
    until(lambda: admin.sql("SELECT count(*) FROM clients_usagerecord") == [(1,)])
    open_account(page, admin, "first")
    recent = page.locator(".account-records", has_text="Recent requests")
    expect(recent.locator("tbody tr")).to_have_count(1)


def test_several_accounts_are_sent_one_prompt(
    page: Page, admin: Gateway, upstream: Control
):
    open_list(page, admin)
    for name in ("first", "third"):
        row = page.locator("tbody", has=page.get_by_text(name, exact=True))
        row.locator("input.action-select").check()
    page.locator("[name=action]").select_option("prompt_accounts")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("Test prompt by 2 accounts").first).to_be_visible()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="third")).to_be_visible()
    counts = [upstream.account(name)["metered_requests"] for name in NAMES]
    assert counts == [1, 0, 1]


NAMES = [account["name"] for account in ACCOUNTS]


def test_the_second_of_two_operators_is_told_and_both_changes_are_kept(
    page: Page, admin: Gateway, browser: Browser
):
    person(admin, "grace", "operator")
    open_account(page, admin, "first")
    elsewhere = browser.new_context(locale="en-US")
    other = elsewhere.new_page()
    log_in(other, admin, "grace")
    open_account(other, admin, "first")
    other.locator("[name=max_concurrent]").fill("3")
    other.locator("[name=_continue]").click()
    expect(other.get_by_text("was changed successfully")).to_be_visible()
    elsewhere.close()
    page.locator("[name=name]").fill("Ada")
    page.locator("[name=_continue]").click()
    expect(page.get_by_text("grace changed: Requests at once").first).to_be_visible()
    expect(page.locator("[name=max_concurrent]")).to_have_value("3")
    expect(page.locator("[name=name]")).to_have_value("Ada")
    page.locator("[name=_continue]").click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    row = "SELECT name, max_concurrent FROM accounts_account WHERE position = 0"
    assert admin.sql(row) == [("Ada", 3)]


def person(gateway: Gateway, name: str, role: str) -> None:
    """Somebody with that role, and with the administrator's password."""
    gateway.sql(
        "INSERT INTO auth_user (password, is_superuser, username, first_name,"
        " last_name, email, is_staff, is_active, date_joined)"
        f" SELECT password, 0, '{name}', '', '', '', 1, 1, date_joined"
        " FROM auth_user WHERE username = 'admin'",
        "INSERT INTO auth_user_groups (user_id, group_id) SELECT u.id, g.id"
        f" FROM auth_user u, auth_group g WHERE u.username = '{name}'"
        f" AND g.name = '{role}'",
    )


SEEN_BY = {
    "viewer": {"Choice of accounts"},
    "operator": {"Sign in to Kiro", "Import", "Choice of accounts"},
    "owner": {"Sign in to Kiro", "Import", "Backup", "Choice of accounts"},
}
ALL_BUTTONS = SEEN_BY["owner"]


@pytest.mark.parametrize("role", SEEN_BY)
def test_roles_see_and_may_what_is_theirs(
    page: Page, start_gateway: StartGateway, role: str
):
    gateway = start_gateway()
    person(gateway, "eve", role)
    log_in(page, gateway, "eve")
    open_list(page, gateway)
    buttons = page.locator("ul.container > li > a").locator("visible=true")
    words = {text.split("\n")[-1].strip() for text in buttons.all_inner_texts()}
    assert words & ALL_BUTTONS == SEEN_BY[role]
    keeps = role != "viewer"
    expect(page.locator("[x-sort\\:handle]").locator("visible=true")).to_have_count(
        3 if keeps else 0
    )
    expect(page.get_by_role("link", name="Users")).to_have_count(
        1 if role == "owner" else 0
    )
    page.get_by_role("link", name="first").first.click()
    expect(page.locator("[name=name]")).to_have_count(1 if keeps else 0)
    expect(page.locator("[name=_save]")).to_have_count(1 if keeps else 0)
    expect(page.get_by_text("Delete account")).to_have_count(
        1 if role == "owner" else 0
    )
    page.goto(f"{gateway.url}/admin/accounts/poolsettings/1/change/")
    expect(page.locator("[name=strategy]")).to_have_count(3 if role == "owner" else 0)


def test_every_page_fits_a_phone_in_both_languages(page: Page, admin: Gateway):
    page.set_viewport_size(PHONE)
    pages = ["", "add/", "1/change/", "1/prompt/"]
    others = ["accounts/poolsettings/1/change/", "accounts/accountgroup/add/"]
    paths = [LIST + path for path in pages] + [f"admin/{path}" for path in others]
    for language, path in product(("en", "zh-hans"), paths):
        page.context.add_cookies(
            [{"name": "django_language", "value": language, "url": admin.url}]
        )
        page.goto(f"{admin.url}/{path}")
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert fits(page), (language, path)
