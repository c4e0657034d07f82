"""What a first start makes: an administrator and a client key.

Only with SQLite. Whoever runs Postgres sets ADMIN_PASSWORD and
KIRO_CLIENT_TOKEN, or makes them by command: replicas must not each invent one.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model

from clients.models import ApiKey

FILE = "first-login.txt"


@dataclass(slots=True)
class FirstLogin:
    """What was generated and must be told once; empty strings: nothing was."""

    password: str = ""
    key: str = ""

    def lines(self) -> list[str]:
        told = []
        if self.password:
            told.append(
                f"Admin: user {settings.ADMIN_USERNAME}, password {self.password}"
            )
        if self.key:
            told.append(f"Client key: {self.key}")
        return told


def make_first_login() -> FirstLogin:
    return FirstLogin(_administrator(), _client_key())


def _administrator() -> str:
    """ADMIN_PASSWORD counts only while there is no administrator."""
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return ""
    password = settings.ADMIN_PASSWORD
    generated = ""
    if not password and settings.SQLITE:
        password = generated = secrets.token_urlsafe(12)
    if password:
        users.create_superuser(settings.ADMIN_USERNAME, password=password)
    return generated


def _client_key() -> str:
    if settings.KIRO_CLIENT_TOKEN or not settings.SQLITE or ApiKey.objects.exists():
        return ""
    row = ApiKey(name="first key")
    key = row.make_key()
    row.save()
    return key


def keep_in_file(login: FirstLogin) -> Path:
    """For whoever reads the log of a container: secrets do not belong there."""
    path: Path = settings.DATA_DIR / FILE
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("\n".join(login.lines()) + "\n")
    return path
