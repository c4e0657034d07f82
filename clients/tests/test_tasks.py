"""What the worker does for records and kept answers by the clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import StoredResponse, UsageHour, UsageRecord
from clients.records import Record
from clients.tasks import forget_old_records, forget_old_responses, sum_up_usage
from clients.tests.conftest import record

pytestmark = pytest.mark.django_db


def add_record(days_ago: int) -> None:
    kept: Record = record(at=timezone.now() - timedelta(days=days_ago))
    fields = {name: getattr(kept, name) for name in Record.__slots__}
    UsageRecord.objects.create(**fields)


def test_records_are_summed_up_and_go_in_their_time(settings):
    settings.USAGE_RETENTION_DAYS = 30
    add_record(days_ago=31)
    add_record(days_ago=29)
    forget_old_records()
    assert UsageRecord.objects.count() == 2  # not in the sums yet
    sum_up_usage()
    forget_old_records()
    assert UsageRecord.objects.count() == 1
    assert sum(hour.requests for hour in UsageHour.objects.all()) == 2


def test_kept_answers_go_in_their_time(settings):
    settings.RESPONSE_RETENTION_DAYS = 30
    for name, days_ago in (("old", 31), ("new", 29)):
        StoredResponse.objects.create(id=name, input="[]", response="{}")
        made = timezone.now() - timedelta(days=days_ago)
        StoredResponse.objects.filter(pk=name).update(created_at=made)
    forget_old_responses()
    assert [kept.id for kept in StoredResponse.objects.all()] == ["new"]
