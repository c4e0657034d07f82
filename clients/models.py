"""Who may call the gateway, what they taught it, and what it keeps for them."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clients.usagemodels import CreditsField, UsageHour, UsageRecord
from kiro2api.encryption import EncryptedTextField

__all__ = [
    "ApiKey",
    "KeyUse",
    "ModelCost",
    "Reservation",
    "StoredResponse",
    "TokenRatio",
    "UsageHour",
    "UsageRecord",
]

KEY_START = "sk-kiro-"
SHOWN = len(KEY_START) + 4
OVERLAP = timedelta(hours=24)
"""So long the key before goes on working, unless told otherwise."""


def digest(key: str) -> str:
    """SHA-256 is enough: a key holds 256 random bits, there is nothing to guess."""
    return hashlib.sha256(key.encode()).hexdigest()


class ApiKey(models.Model):
    class Limit(models.TextChoices):
        """What a limit is called; and the column that holds it."""

        CREDITS_PER_DAY = "credits_per_day", _("credits per day")
        CREDITS_PER_MONTH = "credits_per_month", _("credits per month")
        TOKENS_PER_DAY = "tokens_per_day", _("tokens per day")
        TOKENS_PER_MONTH = "tokens_per_month", _("tokens per month")
        REQUESTS_PER_MINUTE = "requests_per_minute", _("requests per minute")
        MAX_CONCURRENT = "max_concurrent", _("requests at once")

    name = models.CharField(
        _("name"), max_length=100, help_text=_("Whose key it is, or what it is for.")
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        verbose_name=_("owner"),
        related_name="client_keys",
        help_text=_("Without the owner the key stops working."),
    )
    prefix = models.CharField(_("begins with"), max_length=20, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    previous_prefix = models.CharField(
        _("before it was rotated"), max_length=20, blank=True, editable=False
    )
    previous_digest = models.CharField(
        max_length=64, blank=True, db_index=True, editable=False
    )
    previous_until = models.DateTimeField(
        _("the key before works until"), null=True, editable=False
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    allowed_models = models.JSONField(
        _("models"),
        default=list,
        blank=True,
        help_text=_("Those it may use, by any of their names; none: all."),
    )
    account_group = models.CharField(
        _("account group"),
        max_length=100,
        blank=True,
        help_text=_("Accounts that serve it; empty: those in no group."),
    )
    credits_per_day = CreditsField(
        Limit.CREDITS_PER_DAY.label,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    credits_per_month = CreditsField(
        Limit.CREDITS_PER_MONTH.label,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    tokens_per_day = models.PositiveBigIntegerField(
        Limit.TOKENS_PER_DAY.label, null=True, blank=True
    )
    tokens_per_month = models.PositiveBigIntegerField(
        Limit.TOKENS_PER_MONTH.label, null=True, blank=True
    )
    requests_per_minute = models.PositiveIntegerField(
        Limit.REQUESTS_PER_MINUTE.label,
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
    )
    max_concurrent = models.PositiveIntegerField(
        Limit.MAX_CONCURRENT.label,
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("client key")
        verbose_name_plural = _("client keys")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_limited(self) -> bool:
        return any(getattr(self, name) is not None for name in self.Limit.values)

    def make_key(self) -> str:
        """Give this row a new key and return it in clear. Nothing keeps it: it
        cannot be shown a second time."""
        key = KEY_START + secrets.token_urlsafe(32)
        self.prefix = key[:SHOWN]
        self.digest = digest(key)
        return key

    def rotate(self, overlap: timedelta = OVERLAP) -> str:
        """Save a new key and return it in clear; the one before goes on working for
        so long, and the one before that ends now."""
        self.previous_prefix, self.previous_digest = self.prefix, self.digest
        self.previous_until = timezone.now() + overlap
        key = self.make_key()
        self.save(
            update_fields=[
                "prefix",
                "digest",
                "previous_prefix",
                "previous_digest",
                "previous_until",
            ]
        )
        return key


class KeyUse(models.Model):
    """What a key has used in one day, month or minute of UTC."""

    class Period(models.TextChoices):
        MINUTE = "minute"
        DAY = "day"
        MONTH = "month"

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE)
    period = models.CharField(max_length=6, choices=Period.choices)
    start = models.DateTimeField()
    requests = models.PositiveBigIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)
    credits = CreditsField(default=Decimal(0))

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key", "period", "start"], name="one_use_per_key_and_period"
            )
        ]

    def __str__(self) -> str:
        return f"{self.key_id} {self.period} {self.start:%Y-%m-%d %H:%M}"


class Reservation(models.Model):
    """What a request under way may come to cost at most."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE)
    tokens = models.PositiveBigIntegerField()
    credits = CreditsField()
    until = models.DateTimeField()
    """Then it counts no more, whatever became of the process that made it."""

    class Meta:
        indexes = [models.Index(fields=["key", "until"])]

    def __str__(self) -> str:
        return f"{self.key_id}: {self.credits}"


class ModelCost(models.Model):
    """What replies of a model have cost."""

    model_id = models.CharField(max_length=128, unique=True)
    rate = models.FloatField()
    """Credits per input token."""
    output = models.FloatField()
    """Output tokens of the usual reply."""
    samples = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.model_id}: {self.rate:.3g}"


class TokenRatio(models.Model):
    """What upstream counts for one token that we estimate."""

    # The service allows more characters; our accounts' lists do not.
    model_id = models.CharField(max_length=128, unique=True)
    ratio = models.FloatField(default=1.0)
    samples = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.model_id}: {self.ratio:.3f}"


class StoredResponse(models.Model):
    """What a client said to the Responses API and was answered, kept so that it
    need not be said again."""

    id = models.CharField(primary_key=True, max_length=64)
    owner = models.ForeignKey(
        ApiKey, on_delete=models.CASCADE, null=True, editable=False
    )
    """None: the shared KIRO_CLIENT_TOKEN."""
    previous = models.CharField(max_length=64, blank=True)
    input = EncryptedTextField()
    response = EncryptedTextField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = _("stored response")
        verbose_name_plural = _("stored responses")

    def __str__(self) -> str:
        return self.id
