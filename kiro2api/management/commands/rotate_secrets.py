"""Brings all that is stored encrypted under the newest encryption key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.rotation import rotate_secrets
from clients import responses
from dashboard.alerts.rotation import rotate as rotate_channels


class Command(BaseCommand):
    help = (
        "Encrypt the secrets of accounts and alert channels and the stored responses "
        "with the first key in SECRET_ENCRYPTION_KEYS. Put the new key in front, "
        "start, run this, then take the old key out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--forget-unreadable",
            action="store_true",
            help="empty the secrets that no key opens; the accounts stay and wait to "
            "be signed in again",
        )

    def handle(self, *args: Any, forget_unreadable: bool, **options: Any) -> None:
        rotation = rotate_secrets(forget_unreadable=forget_unreadable)
        stored = responses.rotate(forget_unreadable=forget_unreadable)
        channels, shut = rotate_channels(forget_unreadable=forget_unreadable)
        self.stdout.write(
            f"{rotation.rotated} secrets, {stored} stored responses and {channels} "
            "alert channels are under the newest key."
        )
        unreadable = [*rotation.unreadable, *shut]
        if not unreadable:
            return
        names = ", ".join(unreadable)
        if forget_unreadable:
            self.stdout.write(f"Emptied, to be signed in again: {names}")
        else:
            raise CommandError(
                f"No key opens secrets of: {names}. Put the key they were written "
                "with at the end of SECRET_ENCRYPTION_KEYS, or use "
                "--forget-unreadable and sign these accounts in again."
            )
