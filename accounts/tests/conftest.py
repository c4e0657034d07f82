"""Accounts to test with, as the simulator and the database know them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import strategy
from accounts.models import Account, PoolSettings
from kiro2api.database import in_database
from simulator.control import Control

ARN = "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK"


@pytest.fixture
def simulator(simulator: Control, connections: None) -> Control:
    return simulator


def add_account(name: str = "ann", **fields: Any) -> Account:
    """A row with a token good for an hour."""
    good = {
        "refresh_token": f"aor-{name}",
        "access_token": f"aoa-{name}",
        "access_token_tail": name[-4:],
        "access_expires_at": timezone.now() + timedelta(hours=1),
        "refreshed_at": timezone.now() - timedelta(minutes=10),
        "profile_arn": ARN,
        "usage_asked_at": timezone.now(),
        "models_asked_at": timezone.now(),
        "position": Account.objects.next_position(),
    }
    return Account.objects.create(name=name, **good | fields)


@pytest.fixture
def know_account(simulator: Control) -> Callable[..., Account]:
    """An account that the simulator knows too; it has no access token yet."""
    described: list[dict[str, Any]] = []

    def add(name: str = "ann", kind: str = "social", **described_as: Any) -> Account:
        described.append({"name": name, "kind": kind} | described_as)
        simulator.set_accounts(described)
        known = simulator.account(name)
        external = f"{simulator.url}/external/token"
        return add_account(
            name,
            kind=kind,
            refresh_token="" if kind == "api_key" else known["refresh_token"],
            client_id=known.get("client_id") or "",
            client_secret=known.get("client_secret") or "",
            api_key=known.get("api_key") or "",
            token_endpoint=external if kind == "external_idp" else "",
            profile_arn=ARN if kind == "social" else "",
            access_token="",
            access_token_tail="",
            access_expires_at=None,
            refreshed_at=None,
        )

    return add


@pytest.fixture
def known_account(know_account) -> Callable[..., Awaitable[Account]]:
    return in_database(know_account)


@pytest.fixture
def admin_client(client: Client, transactional_db: None) -> Client:
    """Without a password, so that none is hashed for each test."""
    client.force_login(User.objects.create_superuser("root", password=None))
    return client


@pytest.fixture
def use_strategy() -> Iterator[Callable[[str], None]]:
    def use(name: str) -> None:
        PoolSettings.objects.update_or_create(pk=1, defaults={"strategy": name})
        strategy.forget()

    yield use
    strategy.forget()


async def row(account: Account) -> Any:
    """As it stands now, all of it."""
    return await in_database(Account.objects.defer(None).get)(pk=account.pk)


async def change(account: Account, **fields: Any) -> None:
    await in_database(Account.objects.filter(pk=account.pk).update)(**fields)


def rename_table(table: str, to: str) -> None:
    """The accounts are away until it is called the other way round."""
    with connection.schema_editor() as editor:
        editor.alter_db_table(Account, table, to)
