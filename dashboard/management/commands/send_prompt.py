"""Sends a prompt by one account and prints the answer."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Account
from dashboard.trial import send_prompt
from kiro2api import http

PATH = "manage.py send_prompt"


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="name of the account")
        parser.add_argument("text", help="the prompt")
        parser.add_argument("--model", default="claude-sonnet-4-5")

    def handle(
        self, *args: Any, account: str, text: str, model: str, **options: Any
    ) -> None:
        named = Account.objects.filter(name=account).first()
        if named is None:
            raise CommandError(f"there is no account called {account}")
        account_id = named.pk
        trial = http.run(lambda: send_prompt(account_id, model, text, PATH))
        if trial.error:
            raise CommandError(trial.error)
        self.stdout.write(trial.answer)
        self.stderr.write(
            f"{trial.seconds:.1f} s, {trial.usage.output_tokens} tokens, "
            f"{trial.usage.credits:g} credits"
        )
