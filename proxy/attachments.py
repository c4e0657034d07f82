"""Turns what clients attach into what upstream takes: text, and pictures of a
kind and a size that it accepts.

Nothing here is an error: an attachment stands in the history from then on, and
refusing it would end the conversation. What cannot be read becomes a note that
says so. The work is done once per attachment, outlives the request that asked
for it, and is remembered for the next ones.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping
from weakref import WeakKeyDictionary

from proxy.media.jobs import Unreadable
from proxy.media.reader import Reader
from proxy.media.remembered import Remembered
from proxy.media.substitution import (
    Attached,
    Ready,
    find_attached,
    key_of,
    note,
    size_of,
    substitute,
)
from proxy.messages import Prompt

logger = logging.getLogger(__name__)

# Of one prompt, the newest; and of all prompts at work at a time.
MOST_ATTACHED = 100
MOST_UNDER_WAY = 100
# A prompt waits so long; what is not ready then is for the next one.
PATIENCE_SECONDS = 30.0
# How long a failure is remembered that need not happen again.
PASSING_SECONDS = 300.0

LATE = Unreadable("it takes too long", passing=True)
BUSY = Unreadable("too many are being read now", passing=True)
TOO_MANY = Unreadable(f"only the newest {MOST_ATTACHED} are read")


class Attachments:
    """Of one event loop: its workers, what they do now, and what they have done."""

    def __init__(
        self,
        reader: Reader | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._reader = reader or Reader()
        self._patience = patience
        self._remembered: Remembered[Ready] = Remembered()
        self._under_way: dict[bytes, asyncio.Task[Ready]] = {}

    async def resolve(self, prompt: Prompt) -> Prompt:
        attached = find_attached(prompt)
        if not attached:
            return prompt
        newest = attached[-MOST_ATTACHED:]
        # In a thread: hashing takes a millisecond per megabyte.
        keys = await asyncio.to_thread(lambda: [key_of(part) for part in newest])
        ready = await self._all_ready(dict(zip(newest, keys, strict=True)))
        for part in attached[:-MOST_ATTACHED]:
            ready[part] = note(part, TOO_MANY)
        return substitute(prompt, ready)

    async def close(self) -> None:
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._reader.close()

    async def _all_ready(self, keys: Mapping[Attached, bytes]) -> dict[Attached, Ready]:
        ready: dict[Attached, Ready] = {}
        waiting: dict[Attached, asyncio.Task[Ready]] = {}
        for part, key in keys.items():
            if known := self._remembered.get(key):
                ready[part] = known
            elif task := self._under_way.get(key):
                waiting[part] = task
            elif len(self._under_way) < MOST_UNDER_WAY:
                waiting[part] = self._begin(part, key)
            else:
                ready[part] = note(part, BUSY)
        if waiting:
            await asyncio.wait(waiting.values(), timeout=self._patience)
        for part, task in waiting.items():
            ready[part] = task.result() if task.done() else note(part, LATE)
        return ready

    def _begin(self, part: Attached, key: bytes) -> asyncio.Task[Ready]:
        task = asyncio.create_task(self._make_ready(part, key))
        self._under_way[key] = task
        task.add_done_callback(lambda _: self._under_way.pop(key))
        return task

    async def _make_ready(self, part: Attached, key: bytes) -> Ready:
        found = await self._reader.read(part)
        seconds = math.inf
        if isinstance(found, Unreadable):
            logger.info("an attachment could not be read: %s", found.why)
            seconds = PASSING_SECONDS if found.passing else math.inf
            found = note(part, found)
        self._remembered.put(key, found, size_of(found), seconds)
        return found


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Attachments] = (
    WeakKeyDictionary()
)


async def resolve(prompt: Prompt) -> Prompt:
    """The same prompt if nothing in it needs work, which is the usual case."""
    loop = asyncio.get_running_loop()
    if loop not in _of_loops:
        _of_loops[loop] = Attachments()
    return await _of_loops[loop].resolve(prompt)


async def close() -> None:
    """Stop the running loop's workers; the next attachment starts others."""
    if attachments := _of_loops.pop(asyncio.get_running_loop(), None):
        await attachments.close()
