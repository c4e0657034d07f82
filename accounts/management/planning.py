"""Files into a plan, and the plan onto the terminal: what the commands that import
and restore have in common."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from accounts.importers import LARGEST_FILE
from accounts.importing import words
from accounts.importing.files import Source
from accounts.importing.plan import Plan, carry_out
from accounts.management.tables import table

HEAD = ("line", "what happens", "name", "kind", "region", "profile", "file and entry")


def read_files(names: Sequence[str], *, largest: int = LARGEST_FILE) -> list[Source]:
    """A dash is the standard input. Raises CommandError."""
    return [
        Source("standard input" if name == "-" else name, _read(name, largest))
        for name in names
    ]


def _read(name: str, largest: int) -> bytes:
    try:
        if name == "-":
            content = sys.stdin.buffer.read(largest + 1)
        else:
            with Path(name).expanduser().open("rb") as file:
                content = file.read(largest + 1)
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}") from None
    if len(content) > largest:
        raise CommandError(f"{name} is larger than {largest // 2**20} MiB.")
    return content


def run(command: BaseCommand, plan: Plan, *, dry_run: bool) -> None:
    """Show the plan and, unless it is a dry run, carry it out. Raises CommandError if
    an entry could not be used: the others are in all the same."""
    rows = [words.row(line) for line in plan.lines]
    columns = [
        (r.number, r.told, r.name, r.kind, r.region, r.profile, r.place) for r in rows
    ]
    command.stdout.write(table(HEAD, columns))
    command.stdout.write(f"\n{words.counts(plan)}")
    if refusal := words.refusal(plan):
        command.stdout.write(refusal)
    elif not dry_run:
        command.stdout.write(words.outcome(carry_out(plan)))
    if plan.too_many:
        raise CommandError(refusal)
    if plan.faults:
        raise CommandError(
            f"{len(plan.faults)} of {len(plan.lines)} entries cannot be used."
        )
