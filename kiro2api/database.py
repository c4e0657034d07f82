"""How async code reaches the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async

P = ParamSpec("P")
T = TypeVar("T")

# Few threads, shared by all requests: Django's own way gives each open stream a
# thread and a connection for as long as it lasts.
THREADS = ThreadPoolExecutor(max_workers=6, thread_name_prefix="database")


def in_database(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """`function` made awaitable; its connection is handed back after each call."""
    return database_sync_to_async(  # type: ignore[no-any-return]
        function, thread_sensitive=False, executor=THREADS
    )
