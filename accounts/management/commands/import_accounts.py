"""import_accounts: accounts from credential files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.importers import LARGEST_FILE, NotJson
from accounts.intake import Report, import_configured, import_text


class Command(BaseCommand):
    help = (
        "Add the accounts of credential files: kiro2api's array, the IDE's "
        "kiro-auth-token.json with its registration file behind it, or kiro.rs's "
        "credentials.json. Without a file: those of KIRO_AUTH_TOKEN. What has come in "
        "before is left alone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files", nargs="*", help="read as one; - is the standard input"
        )

    def handle(self, *args: Any, files: list[str], **options: Any) -> None:
        try:
            if files:
                # By hand: also what was deleted since.
                report = import_text("\n".join(map(_read, files)), again=True)
            else:
                report = import_configured()
        except NotJson as error:
            raise CommandError(f"This is not JSON: {error}") from None
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        self._tell(report)

    def _tell(self, report: Report) -> None:
        for name in report.added:
            self.stdout.write(f"added: {name}")
        for fault in report.faults:
            self.stderr.write(f"skipped: {fault}")
        self.stdout.write(
            f"{len(report.added)} added, {report.known} known before, "
            f"{len(report.faults)} skipped"
        )
        if report.faults and not report.added and not report.known:
            raise CommandError("There was nothing that could be used.")


def _read(file: str) -> str:
    try:
        if file == "-":
            return sys.stdin.read(LARGEST_FILE + 1)
        with Path(file).open(encoding="utf-8") as opened:
            return opened.read(LARGEST_FILE + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {type(error).__name__}") from None
