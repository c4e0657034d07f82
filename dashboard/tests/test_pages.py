"""Every page, as a browser that trusts nobody else reads it."""

import re
from pathlib import Path

import pytest

from dashboard.tests.conftest import add_account

STATIC = Path(__file__).resolve().parent.parent / "static" / "dashboard"
ELSEWHERE = re.compile(r"""(?:https?:|wss?:)?//[a-z0-9-]+\.""", re.IGNORECASE)


@pytest.fixture
async def pages(logged_in) -> list[str]:
    """The page empty, with rows of every kind, and the part that changes."""
    from kiro2api.database import in_database

    empty = await logged_in.get("/")
    await in_database(add_account)()
    for reason in ("quota", "throttled", "rejected"):
        await in_database(add_account)(blocked_reason=reason)
    await in_database(add_account)(
        enabled=False, available=None, last_used_at=None, access_expires_at=None
    )
    full, part = await logged_in.get("/"), await logged_in.get("/pool")
    return [response.content.decode() for response in (empty, full, part)]


async def test_no_page_names_another_host(pages):
    for html in pages:
        assert ELSEWHERE.findall(html) == []


async def test_no_page_holds_a_script_or_a_style_of_its_own(pages):
    for html in pages:
        assert re.findall(r"<script(?![^>]*\ssrc=)", html) == []
        assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", html) == []


async def test_every_id_stands_once(pages):
    for html in pages:
        ids = re.findall(r'\sid="([^"]+)"', html)
        assert len(ids) == len(set(ids))


async def test_every_asset_of_the_page_is_there(pages):
    from django.contrib.staticfiles import finders

    assets = re.findall(r'(?:src|href)="/static/([^"]+)"', pages[0])
    assert len(assets) >= 6
    for asset in assets:
        assert finders.find(asset), asset


@pytest.mark.parametrize("path", sorted(STATIC.iterdir()), ids=lambda path: path.name)
def test_no_asset_names_another_host(path):
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert ELSEWHERE.findall(text) == []


async def test_screen_readers_get_a_caption_and_the_scope_of_every_heading(pages):
    assert "<caption" in pages[1]
    headings = re.findall(r"<th\s[^>]*>", pages[1])
    assert len(headings) == 7 + 5
    assert all('scope="' in heading for heading in headings)


@pytest.mark.parametrize(
    ("language", "title", "status"),
    [
        ("en", "Kiro token dashboard", "Out of credits"),
        ("zh-CN,zh;q=0.9", "Kiro 令牌看板", "额度已用完"),
        ("fr", "Kiro token dashboard", "Out of credits"),
    ],
)
async def test_the_page_speaks_the_browsers_language(
    browser, language, title, status, exhausted
):
    response = await browser.get("/", headers={"accept-language": language})
    html = response.content.decode()
    assert f"<h1>{title}</h1>" in html
    assert status in html


async def test_the_language_that_was_chosen_wins_and_is_remembered(browser, exhausted):
    chosen = await browser.post("/language", {"language": "zh-hans", "next": "/"})
    assert chosen["Location"] == "/"
    response = await browser.get("/", headers={"accept-language": "en"})
    html = response.content.decode()
    assert '<html lang="zh-hans"' in html
    assert "额度已用完" in html
    assert 'data-address="/ws/pool/zh-hans"' in html


@pytest.fixture
def exhausted(transactional_db):
    add_account(blocked_reason="quota", available=0.0)
