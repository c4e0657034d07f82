"""Settings for clients: those of the page on clients, which tests run."""

from pathlib import Path

import pytest
from django.conf import settings as project

from dashboard.clientsettings import client_settings

ADDRESS, KEY = "http://127.0.0.1:8080", "your-client-key"
DOCUMENT = (Path(project.BASE_DIR) / "docs" / "clients.md").read_text()
TESTED = ("claude-code", "codex", "anthropic-python", "openai-node")


@pytest.mark.parametrize("id", TESTED)
def test_the_lines_are_those_that_are_tested(id):
    (settings,) = [s for s in client_settings(ADDRESS, KEY) if s.id == id]
    for lines in settings.lines:
        assert lines.text in DOCUMENT


def test_every_client_is_there_once():
    ids = [settings.id for settings in client_settings(ADDRESS, KEY)]
    assert len(ids) == len(set(ids)) == 8


async def test_the_page_names_the_address_it_was_asked_at_and_no_key(
    logged_in, settings
):
    settings.KIRO_CLIENT_TOKEN = "sk-kiro-which-nobody-may-see-here"
    text = (await logged_in.get("/connect")).content.decode()
    assert "http://testserver/v1" in text
    assert "sk-kiro-" not in text


async def test_where_a_login_is_asked_for_it_is_here_too(browser, settings):
    assert (await browser.get("/connect")).status_code == 200
    settings.DASHBOARD_LOGIN_REQUIRED = True
    assert (await browser.get("/connect")).status_code == 302
