"""The door by which requests reserve what they may come to cost.

A request of a key with limits reserves before it begins; what it did cost is settled
with its record (`records`). So parallel requests cannot pass a limit that one after
the other could not. Keys without limits cost no query.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from weakref import WeakValueDictionary

from django.conf import settings
from django.db import Error as DatabaseError

from clients.admission import Estimate, Verdict, admit
from clients.keys import Client
from clients.models import Reservation
from kiro2api.database import in_database

logger = logging.getLogger(__name__)

IN_LINES_MOST = 200
"""Of this process. Each holds its prompt in memory."""
LOOK_SECONDS = 0.1


class LedgerUnavailable(Exception):
    """The database that holds the ledger cannot be reached."""


_lines: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
"""By key: where its requests stand in line. Only the first of them asks."""
_in_lines: set[object] = set()
_releases: set[asyncio.Future[None]] = set()


async def reserve(
    client: Client, estimate: Estimate, held: int | None = None
) -> int | None:
    """The number of a reservation, `held` if the request has one; None for a key
    without limits. Waits for up to CLIENT_QUEUE_SECONDS while others under way
    stand in the way. Raises LimitReached, KeyGone or LedgerUnavailable."""
    if client.key_id is None or not client.is_limited:
        return None
    loop = asyncio.get_running_loop()
    is_full = len(_in_lines) >= IN_LINES_MOST
    seconds = 0.0 if is_full else settings.CLIENT_QUEUE_SECONDS
    give_up = loop.time() + seconds
    async with _in_line(client.key_id, seconds):
        while True:
            verdict = await _ask(client.key_id, estimate, held)
            if isinstance(verdict, int):
                return verdict
            left = give_up - loop.time()
            if left <= 0:
                raise verdict
            await asyncio.sleep(min(left, LOOK_SECONDS))


@asynccontextmanager
async def _in_line(key_id: int, seconds: float) -> AsyncIterator[None]:
    """Waits for its turn. Whose time is over before that asks out of turn: so it
    hears what stands in its way."""
    line = _lines.setdefault(key_id, asyncio.Lock())
    place = object()
    _in_lines.add(place)
    has_turn = False
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                has_turn = await line.acquire()
        yield
    finally:
        _in_lines.discard(place)
        if has_turn:
            line.release()


async def _ask(key_id: int, estimate: Estimate, held: int | None) -> Verdict:
    asked = asyncio.ensure_future(in_database(admit)(key_id, estimate, held))
    try:
        return await asyncio.shield(asked)
    except asyncio.CancelledError:
        if held is None:
            asked.add_done_callback(_release_unused)
        raise
    except DatabaseError as error:
        logger.error("the ledger cannot be reached: %s", type(error).__name__)
        raise LedgerUnavailable from error


def _release_unused(asked: asyncio.Future[Verdict]) -> None:
    """Whoever asked has left before the answer."""
    if asked.cancelled() or asked.exception() is not None:
        return
    verdict = asked.result()
    if isinstance(verdict, int):
        release = asyncio.ensure_future(_release(verdict))
        _releases.add(release)
        release.add_done_callback(_releases.discard)


async def _release(reservation: int) -> None:
    try:
        await in_database(Reservation.objects.filter(pk=reservation).delete)()
    except DatabaseError as error:  # then it dies by itself
        logger.error("a reservation cannot be released: %s", type(error).__name__)
