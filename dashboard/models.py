"""Alerts: where they go, what was told there, and what is still to be sent."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from dashboard.alerts.events import Wanted
from kiro2api.encryption import EncryptedTextField

SECRETS = ("url", "secret")


class AlertChannelQuerySet(models.QuerySet["AlertChannel"]):
    def with_secrets(self) -> AlertChannelQuerySet:
        return self.defer(None)


_Manager = models.Manager.from_queryset(AlertChannelQuerySet)


class AlertChannelManager(_Manager["AlertChannel"]):
    def get_queryset(self) -> AlertChannelQuerySet:
        """Without its secrets: a channel can be listed when no key opens them."""
        return AlertChannelQuerySet(self.model, using=self._db).defer(*SECRETS)


class AlertChannel(models.Model):
    """Where alerts go, and which."""

    class Kinds(models.TextChoices):
        WEBHOOK = "webhook", _("webhook")
        EMAIL = "email", _("e-mail")

    class Formats(models.TextChoices):
        JSON = "json", _("JSON")
        SLACK = "slack", "Slack"
        FEISHU = "feishu", _("Feishu, Lark")
        DINGTALK = "dingtalk", _("DingTalk, WeCom")

    class Events(models.TextChoices):
        ACCOUNT_LOST = "account_lost", _("an account is lost until a person helps")
        POOL_LOW = "pool_low", _("the pool is low")
        POOL_EMPTY = "pool_empty", _("the pool is empty")
        KEY_NEARLY_USED = "key_nearly_used", _("a key has used 80% of a quota")
        KEY_USED_UP = "key_used_up", _("a key has used up a quota")

    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(
        _("kind"), max_length=10, choices=Kinds, default=Kinds.WEBHOOK
    )
    # It mostly holds what lets one in.
    url = EncryptedTextField(blank=True, editable=False)
    secret = EncryptedTextField(blank=True, editable=False)
    format = models.CharField(
        _("format"), max_length=10, choices=Formats, default=Formats.JSON
    )
    email = models.EmailField(_("e-mail address"), blank=True)
    language = models.CharField(
        _("language"),
        max_length=10,
        choices=settings.LANGUAGES,
        default=settings.LANGUAGE_CODE,
    )
    events = models.JSONField(_("tells when"), default=list)
    recoveries = models.BooleanField(
        _("also when it is over"),
        default=True,
        help_text=_("An account is back, the pool has recovered."),
    )
    least_accounts = models.PositiveIntegerField(
        _("fewest usable accounts"),
        null=True,
        blank=True,
        default=2,
        validators=[MinValueValidator(1)],
        help_text=_("With fewer the pool is low."),
    )
    least_credits = models.FloatField(
        _("fewest credits"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0)],
        help_text=_("Of all usable accounts together; with fewer the pool is low."),
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    # A code of `alerts.results`; empty: nothing was sent yet.
    last_result = models.CharField(max_length=40, blank=True, editable=False)
    last_sent_at = models.DateTimeField(_("last sent"), null=True, editable=False)

    objects = AlertChannelManager()

    class Meta:
        verbose_name = _("alert channel")
        verbose_name_plural = _("alert channels")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            frozenset(self.events),
            self.recoveries,
            self.least_accounts,
            self.least_credits,
        )


class StandingAlert(models.Model):
    """A trouble that the channel was told of, and that has not ended since."""

    channel = models.ForeignKey(
        AlertChannel, models.CASCADE, related_name="standing_alerts"
    )
    kind = models.CharField(max_length=20)
    subject = models.CharField(max_length=100, blank=True)
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "kind", "subject"], name="told_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class OutgoingAlert(models.Model):
    """News on its way: gone when it was sent, or given up."""

    channel = models.ForeignKey(
        AlertChannel, models.CASCADE, related_name="outgoing_alerts"
    )
    news = models.JSONField()
    at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.channel_id} {self.at:%H:%M:%S}"
