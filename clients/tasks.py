"""What the background worker does for the records of requests, and for the answers
that are kept."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from clients import rollup
from clients.models import StoredResponse
from kiro2api.periodic import every


@every(minutes=1)
def sum_up_usage() -> None:
    rollup.roll_up()


@every(minutes=60)
def forget_old_records() -> None:
    rollup.retain()


@every(minutes=60)
def forget_old_responses() -> None:
    kept = timedelta(days=settings.RESPONSE_RETENTION_DAYS)
    StoredResponse.objects.filter(created_at__lte=timezone.now() - kept).delete()
