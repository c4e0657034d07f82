"""An account's requests, on its page in the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from accounts.tests.conftest import add_account
from clients.models import UsageRecord

pytestmark = pytest.mark.django_db


def add_record(account: Account, **fields: Any) -> UsageRecord:
    usual = {
        "at": timezone.now(),
        "request_id": "req",
        "key_name": "laptop",
        "account_id": account.pk,
        "account": account.name,
        "model": "claude-sonnet-4-5",
        "dialect": "anthropic",
        "status": 200,
        "duration_ms": 1250,
    }
    return UsageRecord.objects.create(**usual | fields)


def tables_of(client: Client, account: Account) -> tuple[str, str]:
    """The errors, and all requests."""
    page = client.get(reverse("admin:accounts_account_change", args=[account.pk]))
    _form, *tables = page.content.decode().split("account-records")
    errors, newest = tables
    return errors, newest


def test_the_newest_twenty_are_there_and_those_that_failed(admin_client: Client):
    account, other = add_account("ann"), add_account("bob")
    now = timezone.now()
    for number in range(25):
        at = now - timedelta(minutes=number)
        add_record(account, at=at, key_name=f"key-{number}-")
    old = {"failed": True, "status": 502, "error": "UpstreamAway"}
    add_record(account, at=now - timedelta(days=6), key_name="late", **old)
    add_record(account, at=now - timedelta(days=8), key_name="too late", **old)
    add_record(other, key_name="another account's")
    errors, newest = tables_of(admin_client, account)
    assert errors.count("<td>late</td>") == 1
    assert "502 UpstreamAway" in errors
    assert "too late" not in errors
    assert "key-19-" in newest
    assert "key-20-" not in newest
    assert "another account" not in newest


def test_what_it_read_from_the_cache_was_read_too(admin_client: Client):
    account = add_account()
    add_record(
        account,
        input_tokens=1000,
        cache_read_tokens=200,
        cache_write_tokens=30,
        output_tokens=4,
    )
    _errors, newest = tables_of(admin_client, account)
    assert ">1,230</td>" in newest
    assert ">1.2</td>" in newest


def test_an_account_that_was_never_used_says_so(admin_client: Client):
    errors, newest = tables_of(admin_client, add_account())
    assert "No request has failed." in errors
    assert "No requests yet." in newest


def test_who_may_not_see_requests_sees_none(client: Client):
    person = User.objects.create_user("eve", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_account"))
    client.force_login(person)
    account = add_account()
    add_record(account)
    page = client.get(reverse("admin:accounts_account_change", args=[account.pk]))
    assert page.status_code == 200
    assert "laptop" not in page.content.decode()
