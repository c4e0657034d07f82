"""restore_accounts: accounts from a backup."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import backup
from accounts.importing.plan import make_plan
from accounts.management.planning import read_files, run

# Of tens of thousands of accounts.
LARGEST_BACKUP = 256 * 1024 * 1024


class Command(BaseCommand):
    help = (
        "Add the accounts of a backup that are missing. With --replace, those that are "
        "there go back to the backup's state too; but a login that was renewed since "
        "and works stays, as the one in the backup may be spent."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="- is the standard input")
        parser.add_argument("--replace", action="store_true")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="say what would happen, write nothing",
        )

    def handle(
        self, *args: Any, file: str, replace: bool, dry_run: bool, **options: Any
    ) -> None:
        sources = read_files([file], largest=LARGEST_BACKUP)
        if not sources[0].content.startswith(backup.MARK):
            raise CommandError(f"{file} is not a backup; import_accounts reads others.")
        run(self, make_plan(sources, replace=replace), dry_run=dry_run)
