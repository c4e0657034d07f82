"""Fills a prepared database: `python -m bench.seed --accounts 3 --keys 1`.

Accounts have tokens that last, and figures that were read just now: nothing but
answers is asked of the upstream. A last key has limits.
"""

from __future__ import annotations

import argparse
import os
from datetime import timedelta

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kiro2api.settings")

import django

django.setup()

from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import Account, PoolSettings  # noqa: E402
from bench.names import access_token, key  # noqa: E402
from clients.models import SHOWN, ApiKey, UsageRecord, digest  # noqa: E402
from proxy.catalog import MODELS  # noqa: E402

OFFERED = {model.listed_id: {} for model in MODELS if model.listed_id}


def accounts(count: int) -> None:
    now = timezone.now()
    tomorrow = now + timedelta(days=1)
    Account.objects.bulk_create(
        Account(
            name=f"account {number}",
            position=number,
            refresh_token=f"aor{number:0200d}",
            access_token=access_token(number),
            access_expires_at=tomorrow,
            refreshed_at=now,
            usage_asked_at=tomorrow,
            models_asked_at=tomorrow,
            models_read_at=now,
            offered_models=OFFERED,
            requests=1000,
        )
        for number in range(count)
    )


def keys(count: int) -> None:
    rows = [_key(number) for number in range(count)]
    limited = _key(count)
    limited.credits_per_month = 10**9
    limited.tokens_per_day = 10**12
    limited.requests_per_minute = 10**6
    ApiKey.objects.bulk_create([*rows, limited])


def _key(number: int) -> ApiKey:
    text = key(number)
    return ApiKey(name=f"key {number}", prefix=text[:SHOWN], digest=digest(text))


def records(count: int) -> None:
    """Of the last 90 days, by the database itself."""
    columns = {
        field.column: "0"
        for field in UsageRecord._meta.concrete_fields
        if not field.primary_key
    }
    empty = ("key_name", "owner_name", "model", "dialect", "session", "error")
    columns |= dict.fromkeys((*empty, "unhonoured"), "''")
    columns |= dict.fromkeys(("stream", "estimated", "failed"), "false")
    columns |= {
        "rolled_up": "true",
        "model": "'claude-sonnet-4'",
        "key_id": "1 + n %% 7",
        "account_id": "1 + n %% 3",
        "account": "'account'",
        "request_id": "'req_' || n",
        "status": "200",
        "duration_ms": "1000",
    }
    if connection.vendor == "postgresql":
        numbers = "generate_series(1, %s) AS numbers(n)"
        columns["at"] = "now() - n * interval '7 seconds'"
    else:
        numbers = (
            "(WITH RECURSIVE c(n) AS "
            "(SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < %s) SELECT n FROM c)"
        )
        columns["at"] = "datetime('now', (-7 * n) || ' seconds')"
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {UsageRecord._meta.db_table} ({names}) "
            f"SELECT {', '.join(columns.values())} FROM {numbers}",
            [count],
        )
        cursor.execute("ANALYZE")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--accounts", type=int, default=3)
    arguments.add_argument("--keys", type=int, default=1)
    arguments.add_argument("--records", type=int, default=0)
    arguments.add_argument("--strategy", default="sequential")
    wanted = arguments.parse_args()
    accounts(wanted.accounts)
    keys(wanted.keys)
    records(wanted.records)
    PoolSettings.objects.update(strategy=wanted.strategy)


if __name__ == "__main__":
    main()
