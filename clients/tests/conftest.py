"""Keys and records to test with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from clients import keys, records
from clients.keys import Client
from clients.models import ApiKey, ModelCost, UsageRecord
from clients.records import Record
from kiro2api.database import in_database

NOON = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)


def make_key(name: str = "ann", **fields: Any) -> tuple[ApiKey, str]:
    row = ApiKey(name=name, **fields)
    key = row.make_key()
    row.save()
    return row, key


def client_of(row: ApiKey) -> Client:
    return Client(row.name, row.pk, is_limited=row.is_limited)


async def limited(name: str = "ann", **limits: Any) -> Client:
    row, _ = await in_database(make_key)(name, **limits)
    return client_of(row)


def record(**fields: Any) -> Record:
    usual: dict[str, Any] = {
        "at": NOON,
        "request_id": "req_1",
        "key_id": 0,
        "key_name": "shared",
        "owner_id": 0,
        "owner_name": "",
        "session": "",
        "account_id": 1,
        "account": "first",
        "model": "claude-sonnet-5",
        "dialect": "anthropic",
        "stream": True,
        "input_tokens": 100,
        "output_tokens": 10,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "credits": Decimal("0.0123456789"),
        "estimated": False,
        "status": 200,
        "error": "",
        "failed": False,
        "ttfb_ms": 200,
        "duration_ms": 1000,
        "unhonoured": "",
    }
    return Record(**usual | fields)


def know_cost(model_id: str, credits_per_token: float) -> None:
    """As many replies of ten tokens have taught it."""
    ModelCost.objects.create(
        model_id=model_id, rate=credits_per_token, output=10, samples=50
    )


def recorded() -> list[UsageRecord]:
    return list(UsageRecord.objects.order_by("pk"))


@pytest.fixture
async def writing() -> AsyncIterator[None]:
    """For tests that hand over records on their own loop."""
    keys.forget()
    yield
    await records.close(seconds=10)
