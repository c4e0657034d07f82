"""What Prometheus is told: what was counted, and how the pool looks.

There is no such page without METRICS_TOKEN, and nothing for whoever does not show it.
"""

from __future__ import annotations

import hmac
import logging
from collections import Counter
from collections.abc import Iterator

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.models import Account
from dashboard.headers import private
from dashboard.status import PoolStatus, pool_status
from kiro2api import metrics
from kiro2api.database import in_database

logger = logging.getLogger(__name__)

# Name, what it says, labels.
GAUGES: tuple[metrics.Definition, ...] = (
    ("kiro2api_database_up", "Whether the database answers", ()),
    ("kiro2api_usable_accounts", "Accounts that requests can use", ()),
    ("kiro2api_accounts", "All accounts, by how they stand", ("status",)),
    ("kiro2api_account_credits_left", "Credits, where known", ("account",)),
)


@require_safe
@private
async def figures(request: HttpRequest) -> HttpResponse:
    if not settings.METRICS_TOKEN:
        raise Http404
    offered = request.headers.get("authorization", "").encode()
    if not hmac.compare_digest(offered, f"Bearer {settings.METRICS_TOKEN}".encode()):
        refusal = HttpResponse("Show METRICS_TOKEN as a bearer token.\n", status=401)
        refusal["WWW-Authenticate"] = "Bearer"
        return refusal
    try:
        pool = await in_database(pool_status)()
    except DatabaseError as error:
        logger.error("metrics without the pool: database: %s", type(error).__name__)
        pool = None
    return _written(pool)


def _written(pool: PoolStatus | None) -> HttpResponse:
    # Here, as programs that are not asked for figures need not know how.
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
    from prometheus_client.core import GaugeMetricFamily, Metric

    class All:
        def collect(self) -> Iterator[Metric]:
            yield from metrics.collect()
            found = _of_pool(pool)
            for name, says, labels in GAUGES:
                family = GaugeMetricFamily(name, says, labels=labels)
                for of, value in found.get(name, ()):
                    family.add_metric(of, value)
                yield family

    return HttpResponse(generate_latest(All()), content_type=CONTENT_TYPE_LATEST)


Samples = list[tuple[tuple[str, ...], float]]


def _of_pool(pool: PoolStatus | None) -> dict[str, Samples]:
    if pool is None:
        return {"kiro2api_database_up": [((), 0)]}
    standing = Counter(account.status for account in pool.accounts)
    return {
        "kiro2api_database_up": [((), 1)],
        "kiro2api_usable_accounts": [((), pool.usable)],
        "kiro2api_accounts": [
            ((str(status.value),), standing[status]) for status in Account.Status
        ],
        "kiro2api_account_credits_left": [
            ((account.name,), account.available)
            for account in pool.accounts
            if account.available is not None
        ],
    }
