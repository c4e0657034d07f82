"""Who may call the gateway."""

from __future__ import annotations

import hashlib
import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _

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
