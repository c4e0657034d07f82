"""export_accounts: a backup of all accounts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import backup


class Command(BaseCommand):
    help = (
        "Write all accounts, with their secrets, groups, limits, order and blocks, to "
        "one file, encrypted with SECRET_ENCRYPTION_KEYS. restore_accounts reads it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="- is the standard output")

    def handle(self, *args: Any, file: str, **options: Any) -> None:
        try:
            content, count = backup.make()
        except backup.NotMade as error:
            raise CommandError(f"{str(error).capitalize()}.") from None
        if file == "-":
            self.stdout.write(content.decode(), ending="")
            return
        try:
            _write(Path(file).expanduser(), content)
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}") from None
        self.stdout.write(f"{count} accounts are in {file}.")


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all: a backup that is there is not lost to a full disk."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
