"""Client keys that everybody knows stop the start."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

# From the original's README, its samples, and what people type first.
SAMPLES = {
    "123456",
    "12345678",
    "changeme",
    "password",
    "test",
    "your-auth-token",
    "your-kiro-token",
    "your-secure-api-key",
    "your-secure-token",
}
SHORTEST = 16


@register()
def shared_key_is_secret(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    key = settings.KIRO_CLIENT_TOKEN
    if not key:
        return []
    instead = f"For example: KIRO_CLIENT_TOKEN=sk-kiro-{secrets.token_urlsafe(32)}"
    if key.lower() in SAMPLES:
        return [
            Error(
                "KIRO_CLIENT_TOKEN is a sample that everybody knows.",
                hint=instead,
                id="clients.E001",
            )
        ]
    if len(key) < SHORTEST:
        return [
            Warning(
                f"KIRO_CLIENT_TOKEN is shorter than {SHORTEST} characters.",
                hint=instead,
                id="clients.W001",
            )
        ]
    return []
