"""How a sign-in goes on: the service is asked when that is due, until it ends.

Any tab, any process and the worker may look; whoever comes first when the interval
is over asks the service. An answer may hold tokens that are given only once: asking
goes on when whoever looked has left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

from accounts.login import Tokens
from accounts.models import SignIn
from accounts.signin import oidc, rows, social
from accounts.signin.answers import LONGEST_INTERVAL, NotSignedIn
from accounts.signin.finish import store, try_out

SLOW_DOWN_BY = 5
AT_ONCE = 8


async def look(sign_in_id: UUID) -> None:
    """Asks the service how it stands, if that is due, and carries the row on."""
    sign_in = await rows.claim(sign_in_id)
    if sign_in is not None:
        await _to_its_end(_ask(sign_in))


async def _ask(sign_in: SignIn) -> None:
    try:
        if sign_in.client_id:
            tokens = await oidc.ask(
                sign_in.client_id,
                sign_in.client_secret,
                sign_in.device_code,
                sign_in.region,
                sign_in.proxy_url,
            )
        else:
            tokens = await social.ask(sign_in.device_code, sign_in.proxy_url)
    except NotSignedIn as error:
        await _not_yet(sign_in, error)
    else:
        await _signed_in(sign_in, tokens)


async def _not_yet(sign_in: SignIn, error: NotSignedIn) -> None:
    match error.why:
        case "pending":
            await rows.note(sign_in, told="")
        case "slow_down":
            longer = min(sign_in.interval + SLOW_DOWN_BY, LONGEST_INTERVAL)
            await rows.note(sign_in, told="", interval=longer)
        case "away" | "proxy":
            await rows.note(sign_in, told=error.why)
        case _:
            await rows.fail(sign_in, error.why, error.region)


async def _signed_in(sign_in: SignIn, tokens: Tokens) -> None:
    account_id = await store(sign_in, tokens)
    if account_id is not None:
        await try_out(sign_in, account_id)


async def finish_pasted(sign_in_id: UUID, text: str) -> None:
    """With the address on which the person's browser ended. Raises WrongAddress, or
    NotSignedIn when the same address may be tried again."""
    sign_in = await rows.claim_pasted(sign_in_id)
    if sign_in is None:
        return
    try:
        returned = social.read_address(text, sign_in.nonce)
    except NotSignedIn as error:
        await rows.fail(sign_in, error.why)
        return
    await _to_its_end(_redeem(sign_in, returned))


async def _redeem(sign_in: SignIn, returned: social.Returned) -> None:
    try:
        tokens = await social.redeem(returned, sign_in.code_verifier, sign_in.proxy_url)
    except NotSignedIn as error:
        if error.why in ("away", "proxy", "slow_down"):
            raise
        await rows.fail(sign_in, "refused")
    else:
        await _signed_in(sign_in, tokens)


async def finish_waiting() -> None:
    """For the worker: asks about all that are due, ends what is over its time and
    forgets what is old."""
    await rows.clear_up()
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(sign_in_id: UUID) -> None:
        async with turn:
            await look(sign_in_id)

    await asyncio.gather(*map(one, await rows.waiting()))


_asking: set[asyncio.Task[None]] = set()


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Also when whoever waits for it is cancelled."""
    task: asyncio.Task[None] = asyncio.create_task(work)
    _asking.add(task)
    task.add_done_callback(_asking.discard)
    await asyncio.shield(task)
