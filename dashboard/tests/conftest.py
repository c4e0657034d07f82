"""Accounts as a page may meet them, and the browsers that look."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import AsyncClient, Client

from accounts.models import Account

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def add_account(name: str = "Alice, main", **fields) -> Account:
    """A Social account in good health; `fields` say what is different."""
    healthy = {
        "email": "alice.zhang@gmail.com",
        "refresh_token": "refresh-token-of-this-account",
        "access_token": "access-token-of-this-account-9fK3",
        "access_token_tail": "9fK3",
        "access_expires_at": NOON + timedelta(hours=1),
        "plan": "KIRO PRO+",
        "credits_limit": 2000.0,
        "credits_used": 1187.6,
        "available": 812.4,
        "resets_at": NOON + timedelta(days=9),
        "last_used_at": NOON,
    }
    position = Account.objects.next_position()
    return Account.objects.create(
        **{"name": name, "position": position} | healthy | fields
    )


@pytest.fixture
def person(transactional_db):
    """Who sees everything."""
    people = get_user_model().objects
    return people.create(username="ann", is_staff=True, is_superuser=True)


@pytest.fixture
def browser(transactional_db) -> AsyncClient:
    """Nobody is logged in."""
    return AsyncClient()


@pytest.fixture
def cookies(person) -> dict[str, str]:
    """Of a browser in which somebody is logged in."""
    client = Client()
    client.force_login(person)
    return {name: morsel.value for name, morsel in client.cookies.items()}


@pytest.fixture
def logged_in(browser, cookies):
    browser.cookies.load(cookies)
    return browser


@pytest.fixture
def queries(transactional_db, settings, caplog) -> Callable[[], list[str]]:
    """The SQL of every thread, from here on."""
    settings.DEBUG = True
    caplog.set_level(logging.DEBUG, "django.db.backends")

    def seen() -> list[str]:
        return [
            record.sql
            for record in caplog.records
            if record.name == "django.db.backends" and "SELECT" in (record.sql or "")
        ]

    return seen
