"""Whole requests and replies on disk, for whoever has to find a fault. Off by default.

With DUMP_DIR a request becomes one file there, for its owner alone: what the client
sent, what went upstream, what came back, what the client got. Conversations stand in
it; credentials do not. One file holds so much at most, the folder DUMP_MAX_MB, and
nothing is older than DUMP_KEEP_HOURS for longer than the worker takes to see it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import time
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest

from kiro2api import requestid
from kiro2api.redaction import Redaction

logger = logging.getLogger(__name__)

BYTES_MOST = 8 * 2**20
"""Of one request, in memory and on disk; what comes after is left out."""
SUFFIX = ".jsonl"


@dataclass(slots=True)
class Dump:
    request_id: str
    notes: list[tuple[float, str, bytes]] = field(default_factory=list)
    size: int = 0

    def add(self, what: str, content: bytes) -> None:
        room = BYTES_MOST - self.size
        if room > 0:
            self.notes.append((time.time(), what, content[:room]))
            self.size += len(content[:room])


_current: ContextVar[Dump | None] = ContextVar("dump", default=None)
_writing: set[asyncio.Future[None]] = set()


def begin(request: HttpRequest) -> None:
    """Of somebody with a key."""
    if settings.DUMP_DIR:
        dump = Dump(requestid.request_id.get())
        _current.set(dump)
        dump.add(f"{request.method} {request.path}", request.body)


def note(what: str, content: bytes) -> None:
    if dump := _current.get():
        dump.add(what, content)


def end() -> None:
    """Of the request: write it, in a thread. Nothing is added afterwards."""
    if dump := _current.get():
        _current.set(None)
        dump.size = BYTES_MOST
        loop = asyncio.get_running_loop()
        written = loop.run_in_executor(None, _write, dump)
        _writing.add(written)
        written.add_done_callback(_writing.discard)


async def close() -> None:
    """Wait until all is written."""
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(each for each in _writing if each.get_loop() is loop))


def _write(dump: Dump) -> None:
    folder = Path(settings.DUMP_DIR)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = re.sub(r"[^\w-]", "_", dump.request_id)
        path = folder / f"{time.time_ns()}-{name}{SUFFIX}"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(_lines(dump))
        forget_old()
    except OSError as error:
        logger.error("DUMP_DIR: a request was not written: %s", error.strerror)


def _lines(dump: Dump) -> list[str]:
    redact = Redaction((settings.KIRO_CLIENT_TOKEN, settings.SECRET_KEY))
    return [
        redact(
            json.dumps(
                {"at": at, "what": what, "content": content.decode("utf-8", "replace")},
                ensure_ascii=False,
            )
        )
        + "\n"
        for at, what, content in dump.notes
    ]


def forget_old() -> None:
    """What is too old, and the oldest of what is too much."""
    too_old = time.time() - settings.DUMP_KEEP_HOURS * 3600
    left = settings.DUMP_MAX_MB * 2**20
    for path in sorted(Path(settings.DUMP_DIR).glob(f"*{SUFFIX}"), reverse=True):
        # Another process may be at the same.
        with suppress(FileNotFoundError):
            found = path.stat()
            left -= found.st_size
            if left < 0 or found.st_mtime < too_old:
                path.unlink()
