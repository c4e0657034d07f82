"""Prints a fresh pair of the program's own secrets, to paste into `.env`."""

from __future__ import annotations

import secrets
from typing import Any

from cryptography.fernet import Fernet
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = __doc__
    # Whoever needs this has no keys yet, so the checks would refuse to start.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"SECRET_KEY={secrets.token_urlsafe(50)}")
        self.stdout.write(f"SECRET_ENCRYPTION_KEYS={Fernet.generate_key().decode()}")
