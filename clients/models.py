"""Who may call the gateway, what they taught it, and what it keeps for them."""

from __future__ import annotations

import hashlib
import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _

from kiro2api.encryption import EncryptedTextField

KEY_START = "sk-kiro-"
SHOWN = len(KEY_START) + 4


def digest(key: str) -> str:
    """SHA-256 is enough: a key holds 256 random bits, there is nothing to guess."""
    return hashlib.sha256(key.encode()).hexdigest()


class ApiKey(models.Model):
    name = models.CharField(
        _("name"), max_length=100, help_text=_("Whose key it is, or what it is for.")
    )
    prefix = models.CharField(_("begins with"), max_length=20, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    enabled = models.BooleanField(_("enabled"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("client key")
        verbose_name_plural = _("client keys")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    def make_key(self) -> str:
        """Give this row a new key and return it in clear. Nothing keeps it: it
        cannot be shown a second time."""
        key = KEY_START + secrets.token_urlsafe(32)
        self.prefix = key[:SHOWN]
        self.digest = digest(key)
        return key


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
