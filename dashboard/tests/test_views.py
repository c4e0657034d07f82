import pytest

from dashboard.tests.conftest import add_account
from kiro2api.database import in_database

PAGES = ["/", "/pool", "/api/tokens", "/livez", "/readyz"]


@pytest.mark.parametrize("path", PAGES)
async def test_nothing_is_kept_and_nothing_may_come_from_elsewhere(browser, path):
    response = await browser.get(path)
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    policy = response["Content-Security-Policy"].split("; ")
    assert "default-src 'self'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in response["Content-Security-Policy"]


@pytest.mark.parametrize("path", PAGES)
async def test_pages_are_only_read(browser, path):
    assert (await browser.post(path)).status_code == 405


async def test_while_open_the_page_shows_the_originals_columns_masked(browser, db_rows):
    html = (await browser.get("/")).content.decode()
    assert "al*******ng@*****.com" in html
    assert "***9fK3" in html
    for hidden in ("alice.zhang", "Alice, main", "access-token-of", "refresh-token-of"):
        assert hidden not in html


async def test_while_open_nobody_is_told_what_went_wrong(browser, db_rows):
    for path in ("/", "/pool", "/api/tokens"):
        told = (await browser.get(path)).content.decode()
        assert "service failed (500)" not in told
        assert "the refresh token is dead" not in told


async def test_whoever_is_logged_in_sees_names_and_reasons(logged_in, db_rows):
    html = (await logged_in.get("/")).content.decode()
    assert "Alice, main" in html
    assert "The service failed (500)" in html
    assert "the refresh token is dead" in html
    assert "alice.zhang" not in html
    told = (await logged_in.get("/api/tokens")).json()
    assert [token.get("error") for token in told["tokens"]] == [
        "the service failed (500)",
        "sign in again: the refresh token is dead",
    ]


async def test_where_a_login_is_asked_for_nothing_is_shown_without(browser, closed):
    page = await browser.get("/")
    assert page.status_code == 302
    assert page["Location"] == "/login?next=/"
    told = await browser.get("/api/tokens")
    assert told.status_code == 401
    assert list(told.json()) == ["error"]
    fragment = await browser.get("/pool")
    assert fragment.status_code == 401
    assert fragment.content == b""
    assert fragment["HX-Redirect"] == "/login?next=/"
    for response in (page, told, fragment):
        assert response["Cache-Control"] == "no-store"


async def test_where_a_login_is_asked_for_it_opens_everything(logged_in, closed):
    for path in ("/", "/pool", "/api/tokens"):
        response = await logged_in.get(path)
        assert response.status_code == 200
        assert "9fK3" in response.content.decode()


async def test_a_session_that_is_not_one_opens_nothing(browser, closed):
    browser.cookies["kiro2api_session"] = "x" * 32
    assert (await browser.get("/api/tokens")).status_code == 401


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_load_balancers_need_no_login(browser, closed, path):
    assert (await browser.get(path)).status_code == 200


async def test_tokens_are_told_in_the_originals_shape(browser, db_rows):
    told = (await browser.get("/api/tokens")).json()
    assert set(told) == {
        "timestamp",
        "total_tokens",
        "active_tokens",
        "tokens",
        "pool_stats",
    }
    assert (told["total_tokens"], told["active_tokens"]) == (2, 1)


@pytest.mark.parametrize("path", ["/", "/pool", "/api/tokens"])
async def test_a_look_costs_one_query(browser, db_rows, queries, path):
    await browser.get(path)
    assert len(queries()) == 1


async def test_being_alive_costs_no_query_and_being_ready_one(browser, queries):
    await browser.get("/livez")
    assert len(queries()) == 0
    await browser.get("/readyz")
    assert len(queries()) == 1


async def test_ready_says_how_many_accounts_are_usable(browser, db_rows):
    response = await browser.get("/readyz")
    assert response.json() == {"status": "ok", "usable_accounts": 1}


async def test_no_accounts_is_ready_too_and_the_page_says_where_to_add_one(browser):
    assert (await browser.get("/readyz")).json()["usable_accounts"] == 0
    html = (await browser.get("/")).content.decode()
    assert 'href="/admin/accounts/account/add/"' in html


def test_claude_code_is_pointed_at_the_host_the_page_was_asked_from(
    client, transactional_db
):
    html = client.get("/", headers={"host": "localhost:9321"}).content.decode()
    assert "export ANTHROPIC_BASE_URL=http://localhost:9321\n" in html


@pytest.mark.parametrize("demo", [True, False])
async def test_a_demo_says_so(browser, settings, demo):
    settings.DEMO = demo
    html = (await browser.get("/")).content.decode()
    assert ("Simulated accounts" in html) is demo


async def test_what_a_row_holds_is_written_as_text_not_as_markup(logged_in):
    await in_database(add_account)("<b>bold</b>", plan="<i>plan</i>", email="<u>@x.y")
    html = (await logged_in.get("/")).content.decode()
    assert "&lt;b&gt;bold" in html
    for markup in ("<b>", "<i>", "<u>"):
        assert markup not in html


@pytest.fixture
def db_rows(transactional_db):
    add_account(last_error="the service failed (500)")
    add_account("Old laptop", blocked_reason="rejected")


@pytest.fixture
def closed(settings, db_rows):
    settings.DASHBOARD_LOGIN_REQUIRED = True
