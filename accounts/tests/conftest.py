"""Accounts to test with, as the simulator and the database know them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import reading
from accounts.models import Account
from kiro2api import http
from kiro2api.database import in_database
from simulator.control import Control
from simulator.testing import running_simulator

ARN = "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory):
    from django.conf import settings

    settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = str(
        tmp_path_factory.mktemp("db") / "test.sqlite3"
    )


@pytest.fixture(scope="session")
def running():
    with running_simulator([]) as control:
        yield control


@pytest.fixture
async def simulator(running: Control, settings):
    running.reset()
    for name in ("KIRO_API_URL", "KIRO_CONTROL_URL", "KIRO_AUTH_URL", "KIRO_OIDC_URL"):
        setattr(settings, name, running.url)
    yield running
    await reading.finish()
    await http.close()


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
        "position": Account.objects.next_position(),
    }
    return Account.objects.create(name=name, **good | fields)


@pytest.fixture
def known_account(simulator: Control, transactional_db) -> Callable[..., Account]:
    """An account that the simulator knows too; its access token has expired."""
    described: list[dict[str, Any]] = []

    def add(name: str = "ann", kind: str = "social", **described_as: Any) -> Account:
        described.append({"name": name, "kind": kind} | described_as)
        simulator.set_accounts(described)
        known = simulator.account(name)
        return add_account(
            name,
            kind="social" if kind == "social" else "idc",
            refresh_token=known["refresh_token"],
            client_id=known.get("client_id") or "",
            client_secret=known.get("client_secret") or "",
            profile_arn=ARN if kind == "social" else "",
            access_token="",
            access_token_tail="",
            access_expires_at=None,
            refreshed_at=None,
        )

    return add


async def row(account: Account) -> Account:
    """As it stands now, with its secrets."""
    return await in_database(Account.objects.with_secrets().get)(pk=account.pk)


async def change(account: Account, **fields: Any) -> None:
    await in_database(Account.objects.filter(pk=account.pk).update)(**fields)
