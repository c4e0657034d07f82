"""What was used: a record for each request, and sums by the hour that stay.

Never anything of what was asked or answered. Keys, their owners and accounts stand
here by number and name, not as relations: a record outlives all of them. The number
0 is nobody: the shared key, a key without an owner, a request no account has seen.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models


class CreditsField(models.DecimalField):  # type: ignore[type-arg]
    """As exact as upstream meters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 20, "decimal_places": 10} | kwargs)


class Used(models.Model):
    key_id = models.BigIntegerField(default=0)
    key_name = models.CharField(max_length=100)
    owner_id = models.BigIntegerField(default=0)
    owner_name = models.CharField(max_length=150, blank=True)
    account_id = models.BigIntegerField(default=0)
    account = models.CharField(max_length=255, blank=True)
    model = models.CharField(max_length=128, blank=True)
    """By its name here; empty: none that we know was asked for."""
    dialect = models.CharField(max_length=16)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    cache_read_tokens = models.PositiveBigIntegerField(default=0)
    cache_write_tokens = models.PositiveBigIntegerField(default=0)
    credits = CreditsField(default=Decimal(0))

    class Meta:
        abstract = True


class UsageRecord(Used):
    """One request. Kept for USAGE_RETENTION_DAYS."""

    at = models.DateTimeField()
    """When it came."""
    request_id = models.CharField(max_length=128)
    session = models.CharField(max_length=36, blank=True)
    """The conversation's id, which is a hash."""
    stream = models.BooleanField(default=False)
    estimated = models.BooleanField(default=False)
    """It ended before upstream said what it cost."""
    status = models.PositiveSmallIntegerField()
    error = models.CharField(max_length=64, blank=True)
    """What went wrong, by the name of its class."""
    failed = models.BooleanField(default=False)
    """Something did; a client that hangs up is no failure."""
    ttfb_ms = models.PositiveIntegerField(null=True)
    duration_ms = models.PositiveIntegerField()
    unhonoured = models.CharField(max_length=500, blank=True)
    rolled_up = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["-at", "-id"], name="record_at"),
            models.Index(fields=["key_id", "-at", "-id"], name="record_key"),
            models.Index(fields=["owner_id", "-at", "-id"], name="record_owner"),
            models.Index(fields=["account_id", "-at", "-id"], name="record_account"),
            models.Index(fields=["model", "-at", "-id"], name="record_model"),
            models.Index(fields=["status", "-at", "-id"], name="record_status"),
            models.Index(
                fields=["-at", "-id"],
                name="record_failed",
                condition=models.Q(failed=True),
            ),
            models.Index(
                fields=["session", "-at", "-id"],
                name="record_session",
                condition=~models.Q(session=""),
            ),
            models.Index(
                fields=["at"],
                name="record_not_rolled_up",
                condition=models.Q(rolled_up=False),
            ),
        ]

    def __str__(self) -> str:
        return self.request_id


class UsageHour(Used):
    """The sums of one hour's records. Kept for ever."""

    hour = models.DateTimeField()
    requests = models.PositiveBigIntegerField(default=0)
    errors = models.PositiveBigIntegerField(default=0)
    estimated = models.PositiveBigIntegerField(default=0)
    ttfb_ms = models.PositiveBigIntegerField(default=0)
    ttfb_count = models.PositiveBigIntegerField(default=0)
    duration_ms = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["hour", "key_id", "owner_id", "account_id", "model", "dialect"],
                name="one_sum_per_hour_and_kind",
            )
        ]
        indexes = [
            models.Index(fields=["key_id", "hour"], name="hour_key"),
            models.Index(fields=["owner_id", "hour"], name="hour_owner"),
            models.Index(fields=["account_id", "hour"], name="hour_account"),
            models.Index(fields=["model", "hour"], name="hour_model"),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} {self.key_name} {self.model}"
