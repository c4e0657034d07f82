"""Everything that must happen once before the gateway serves: migrations, the
import of KIRO_AUTH_TOKEN, the first administrator and client key. Safe to run
any number of times, and by several replicas at once."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection

from accounts.intake import Report, import_configured
from accounts.models import Account
from accounts.rotation import unreadable_accounts
from kiro2api.firststart import FirstLogin, keep_in_file, make_first_login

# Any number will do, as long as nothing else locks by it.
ADVISORY_LOCK = 0x6B69726F


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        with _one_at_a_time():
            call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
            report = import_configured()
            login = make_first_login()
        self._tell_import(report)
        self._tell_login(login)
        self._tell_pool()

    def _tell_import(self, report: Report) -> None:
        for name in report.added:
            self.stdout.write(f"Account added: {name}")
        for fault in report.faults:
            self.stderr.write(f"KIRO_AUTH_TOKEN: skipped {fault}")

    def _tell_login(self, login: FirstLogin) -> None:
        if not login.lines():
            return
        if self.stdout.isatty():
            self.stdout.write("Keep these, they are shown once:")
            for line in login.lines():
                self.stdout.write(f"  {line}")
        else:
            path = keep_in_file(login)
            self.stdout.write(f"The first login and client key are in {path}")

    def _tell_pool(self) -> None:
        if names := unreadable_accounts():
            self.stderr.write(
                f"No encryption key opens the secrets of: {', '.join(names)}. Put "
                "their key at the end of SECRET_ENCRYPTION_KEYS; if it is lost, run "
                "manage.py rotate_secrets --forget-unreadable and sign in again."
            )
        if not Account.objects.exists():
            self.stdout.write(
                "There are no accounts yet: add one in the admin "
                f"(http://{settings.HOST}:{settings.PORT}/admin/), "
                "or set KIRO_AUTH_TOKEN."
            )


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Among all processes that share the database."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
    else:
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        with (settings.DATA_DIR / "prepare.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
