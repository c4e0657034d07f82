"""accounts: what the buttons of the admin do, from a terminal."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import operations
from accounts.blocking import enable, unblock
from accounts.management.tables import table
from accounts.models import Account, AccountQuerySet
from accounts.offers import ask_for_models
from accounts.ordering import to_end, to_front
from accounts.signals import announce

Operation = Callable[[Account], Awaitable[str]]


async def models(account: Account) -> str:
    return ", ".join(sorted(await ask_for_models(account.pk)))


# They ask the service; these change rows, and give how many there were to change.
ASKING: dict[str, tuple[Operation, str]] = {
    "test": (operations.test, "renew the token, read credits and models"),
    "refresh": (operations.renew_token, "renew the token now"),
    "usage": (operations.read_credits, "read the credits now"),
    "models": (models, "ask for the models it has"),
}
CHANGING: dict[str, tuple[Callable[[AccountQuerySet], int], str, str]] = {
    "unblock": (unblock, "unblocked", "use it again at once, whatever blocks it"),
    "enable": (enable, "enabled", "use it"),
    "disable": (lambda rows: enable(rows, False), "disabled", "use it no more"),
    "first": (to_front, "moved", "use it before all others"),
    "last": (to_end, "moved", "use it after all others"),
}


class Command(BaseCommand):
    help = "List accounts, or do with them what the buttons of the admin do."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        told = {"list": "how they stand"}
        told |= {name: help for name, (_, help) in ASKING.items()}
        told |= {name: help for name, (_, _, help) in CHANGING.items()}
        for name, help in told.items():
            action = actions.add_parser(name, help=help, description=help)
            action.add_argument(
                "accounts", nargs="*", metavar="NAME_OR_ID", help="of which accounts"
            )
            action.add_argument("--all", action="store_true", help="of all accounts")
            action.add_argument(
                "--json", action="store_true", dest="as_json", help="for programs"
            )

    def handle(
        self,
        *args: Any,
        action: str,
        accounts: list[str],
        all: bool,
        as_json: bool,
        **options: Any,
    ) -> None:
        if action != "list" and bool(accounts) == all:
            raise CommandError("Which accounts? Name them, or say --all.")
        rows = _named(accounts) if accounts else Account.objects.in_order()
        if action == "list":
            self._write([_standing(account) for account in rows], as_json)
        elif action in CHANGING:
            change, done, _help = CHANGING[action]
            count = change(rows)
            announce()
            self._write([{"asked": rows.count(), done: count}], as_json)
        else:
            self._ask(rows, ASKING[action][0], as_json)

    def _ask(self, rows: AccountQuerySet, operation: Operation, as_json: bool) -> None:
        asked = list(rows)
        results = operations.ask(asked, operation)
        told: list[dict[str, object]] = [
            {
                "id": account.pk,
                "name": done.account,
                "result": "ok" if done.worked else "failed",
                "told": done.told,
            }
            for account, done in zip(asked, results, strict=True)
        ]
        self._write(told, as_json)
        if failed := sum(not done.worked for done in results):
            raise CommandError(f"{failed} of {len(results)} failed.")

    def _write(self, rows: Sequence[dict[str, object]], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(rows, default=str, ensure_ascii=False))
        elif rows:
            cells = [list(row.values()) for row in rows]
            self.stdout.write(table(list(rows[0]), cells))
        else:
            self.stdout.write("There are no accounts yet.")


def _named(names: Sequence[str]) -> AccountQuerySet:
    """By name, else by id. Raises CommandError."""
    chosen = [_one(name) for name in names]
    return Account.objects.filter(pk__in=chosen).in_order()


def _one(name: str) -> int:
    ids = list(Account.objects.filter(name=name).values_list("pk", flat=True)[:2])
    if len(ids) > 1:
        raise CommandError(f"Several accounts are called {name}: give the id.")
    if not ids and name.isascii() and name.isdigit() and len(name) < 19:
        ids = list(Account.objects.filter(pk=int(name)).values_list("pk", flat=True))
    if not ids:
        raise CommandError(f"There is no account {name}.")
    return ids[0]


def _standing(account: Account) -> dict[str, object]:
    blocked = account.blocked
    return {
        "id": account.pk,
        "name": account.name,
        "kind": account.kind,
        "status": account.status.value,
        "reason": account.blocked_reason if blocked else "",
        "since": _minute(account.blocked_since) if blocked else "",
        "until": _minute(account.blocked_until) if blocked else "",
        "credits_left": account.available,
        "credits": account.credits_limit,
        "last_used": _minute(account.last_used_at),
        "last_error": account.last_error,
    }


def _minute(moment: datetime | None) -> str:
    return moment.isoformat(timespec="minutes") if moment else ""
