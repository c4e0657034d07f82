"""The account pages as tests use them: addresses, forms, and what is told."""

from __future__ import annotations

import json
from typing import Any

from django.urls import reverse

from accounts.models import Account
from accounts.seen import as_seen

LIST = "/admin/accounts/account/"
ADD = "/admin/accounts/account/add/"


def page_of(account: Account) -> str:
    return reverse("admin:accounts_account_change", args=[account.pk])


def send(client: Any, url: str, **fields: Any) -> list[str]:
    """Post a form, follow the redirect, and give the messages of the next page."""
    response = client.post(url, fields, follow=True)
    assert response.status_code == 200
    form = response.context.get("adminform")
    if form is not None and form.form.errors:
        return [error for errors in form.form.errors.values() for error in errors]
    return [str(message) for message in response.context["messages"]]


def add_form(**fields: Any) -> dict[str, Any]:
    empty = {
        "name": "",
        "kind": "social",
        "region": "us-east-1",
        "profile_arn": "",
        "endpoint": "q",
        "new_refresh_token": "",
        "new_client_id": "",
        "new_client_secret": "",
        "new_api_key": "",
        "new_proxy_url": "",
    }
    return empty | fields


def change_form(account: Account, **fields: Any) -> dict[str, Any]:
    kept = {
        "name": account.name,
        "enabled": "on",
        "region": account.region,
        "profile_arn": account.profile_arn,
        "endpoint": account.endpoint,
        "credit_floor": account.credit_floor,
        "seen": json.dumps(as_seen(account)),
        "new_refresh_token": "",
        "new_client_id": "",
        "new_client_secret": "",
        "new_api_key": "",
        "new_proxy_url": "",
    }
    return kept | fields


def act(client: Any, action: str, *accounts: Account) -> list[str]:
    chosen = [account.pk for account in accounts]
    return send(client, LIST, action=action, _selected_action=chosen)


def only_account() -> Any:
    return Account.objects.with_secrets().get()
