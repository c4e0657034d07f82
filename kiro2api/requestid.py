"""Which request is being worked on, and by which account: for every log line.

Context variables, so that the tasks and threads which a request starts know it too. A
task that outlives its request and works for others is started in a Context() of its
own, and enters theirs one by one.
"""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

request_id: ContextVar[str] = ContextVar("request_id", default="")
account: ContextVar[str] = ContextVar("account", default="")
"""By its name here."""


def accepted_id(offered: str) -> str:
    """The id a client sent, if it is harmless; else one of ours."""
    return offered if ID.fullmatch(offered) else f"req_{secrets.token_hex(12)}"
