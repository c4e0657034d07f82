"""import_accounts: accounts from credential files."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.importing.plan import make_plan
from accounts.intake import import_configured
from accounts.management.planning import read_files, run


class Command(BaseCommand):
    help = (
        "Add the accounts of credential files: kiro2api's array, the IDE's "
        "kiro-auth-token.json and its registration file, kiro.rs's credentials.json, "
        "kiro-cli's data.sqlite3, or a backup. Without a file: those of "
        "KIRO_AUTH_TOKEN. What has come in before is left alone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="*", help="- is the standard input")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="say what would happen, write nothing",
        )

    def handle(
        self, *args: Any, files: list[str], dry_run: bool, **options: Any
    ) -> None:
        if files:
            run(self, make_plan(read_files(files)), dry_run=dry_run)
        elif dry_run:
            raise CommandError("A dry run needs a file, or - for the standard input.")
        else:
            self._import_configured()

    def _import_configured(self) -> None:
        try:
            report = import_configured()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        for name in report.added:
            self.stdout.write(f"added: {name}")
        self.stdout.write(f"{len(report.added)} added, {report.known} known")
        if report.faults:
            skipped = "; ".join(map(str, report.faults))
            raise CommandError(f"KIRO_AUTH_TOKEN: {skipped}")
