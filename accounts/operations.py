"""What a person does with accounts in the admin, and what is told of it: buttons and
bulk actions both come here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.answers import CallFailed
from accounts.inspection import inspect, renew_now
from accounts.models import Account
from accounts.reading import read_usage
from accounts.refresh import NotFresh
from accounts.usage import Usage
from kiro2api import http
from kiro2api.encryption import SecretUnreadable

AT_ONCE = 8
MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Done:
    account: str
    worked: bool
    told: str


async def test(account: Account) -> str:
    found = await inspect(account.pk)
    count = len(found.models)
    models = ngettext("%(count)s model", "%(count)s models", count) % {"count": count}
    return f"{credits_left(found.usage)}, {models}"


async def renew_token(account: Account) -> str:
    if account.kind == Account.Kinds.API_KEY:
        return _("an API key has no token to renew")
    await renew_now(account.pk)
    return _("token renewed")


async def read_credits(account: Account) -> str:
    return credits_left(await read_usage(account.pk))


def credits_left(usage: Usage) -> str:
    if usage.available is None or usage.limit is None:
        return _("ready, credits not known")
    if usage.exhausted:
        return _("works, but is out of credits")
    figures = {"left": f"{usage.available:,.0f}", "limit": f"{usage.limit:,.0f}"}
    return _("ready: %(left)s of %(limit)s credits left") % figures


def ask_after_commit(
    request: HttpRequest,
    accounts: Sequence[Account],
    operation: Callable[[Account], Awaitable[str]],
) -> None:
    """Ask the service about each, outside of any transaction, and tell how it went."""
    transaction.on_commit(lambda: tell(request, ask(accounts, operation)))


def ask(
    accounts: Sequence[Account], operation: Callable[[Account], Awaitable[str]]
) -> list[Done]:
    async def all_of_them() -> list[Done]:
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(account: Account) -> Done:
            async with turn:
                try:
                    return Done(account.name, True, await operation(account))
                except (NotFresh, CallFailed, SecretUnreadable) as error:
                    return Done(account.name, False, str(error))

        return await asyncio.gather(*map(one, accounts))

    return http.run(all_of_them)


def tell(request: HttpRequest, results: Sequence[Done]) -> None:
    worked = [done for done in results if done.worked]
    failed = [done for done in results if not done.worked]
    if len(worked) == 1:
        messages.success(request, f"{worked[0].account}: {worked[0].told}")
    elif worked:
        count = {"count": len(worked), "of": len(results)}
        messages.success(request, _("%(count)s of %(of)s accounts: done") % count)
    for done in failed[:MOST_TOLD]:
        messages.error(request, f"{done.account}: {done.told}")
    if len(failed) > MOST_TOLD:
        more = {"count": len(failed) - MOST_TOLD}
        messages.error(request, _("and %(count)s more failed") % more)
