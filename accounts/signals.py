"""What accounts tell whoever listens; they do not know who does."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.dispatch import Signal

# The pool looks different from a moment ago. Sent without data: look again.
pool_changed = Signal()


def announce() -> None:
    """From sync code: send once what was changed can be seen by others."""
    transaction.on_commit(partial(pool_changed.send_robust, None))


async def announce_now() -> None:
    """From async code, which writes without a transaction."""
    await pool_changed.asend_robust(None)
