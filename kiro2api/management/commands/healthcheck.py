"""Asks the running gateway whether it can serve: it lives, reaches its database and was
not told to stop. Exit status 0 if so."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

# It waits 5 s for its database itself.
SECONDS = 8


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.HOST, settings.HOST)
        url = f"http://{host}:{settings.PORT}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=SECONDS) as answer:
                self.stdout.write(f"{url}: {answer.status}")
        except (urllib.error.URLError, OSError) as error:
            raise CommandError(f"{url}: {error}") from error
