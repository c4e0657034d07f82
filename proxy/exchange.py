"""One request and what became of it: the source of its one log line."""

from __future__ import annotations

import logging
import re
import secrets
import time
from dataclasses import dataclass, field

from clients.keys import Client
from proxy.messages import Usage

logger = logging.getLogger("kiro2api.request")

ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

# As nginx logs it; no client ever sees it.
STATUS_CLIENT_GONE = 499
CLIENT_GONE = "client_gone"


def accepted_id(offered: str) -> str:
    """The id a client sent, if it is harmless; else one of ours."""
    return offered if ID.fullmatch(offered) else f"req_{secrets.token_hex(12)}"


@dataclass(slots=True)
class Exchange:
    request_id: str
    method: str
    path: str
    client: Client | None = None
    model: str = ""
    stream: bool = False
    account: str = ""
    tries: int = 0
    usage: Usage = Usage()
    error: str = ""
    unhonoured: tuple[str, ...] = ()
    first_event_at: float = 0.0
    started_at: float = field(default_factory=time.monotonic)

    def began(self) -> None:
        if not self.first_event_at:
            self.first_event_at = time.monotonic()

    def headers(self) -> dict[str, str]:
        """What the client is told beside the reply."""
        if not self.unhonoured:
            return {}
        return {"x-kiro2api-unhonoured": ", ".join(self.unhonoured)}

    def finish(self, status: int) -> None:
        """Write the line. Never anything of the request's or the reply's text."""
        now = time.monotonic()
        fields: dict[str, object] = {
            "request_id": self.request_id,
            "user_id": self.client.name if self.client else "",
            "method": self.method,
            "path": self.path,
            "status": status,
            "response_time": round(now - self.started_at, 4),
        }
        if self.model:
            fields |= {
                "model": self.model,
                "stream": self.stream,
                "account": self.account,
                "tries": self.tries,
                "token_usage": {
                    "input": self.usage.input_tokens,
                    "output": self.usage.output_tokens,
                    "cache_read": self.usage.cache_read_tokens,
                    "cache_write": self.usage.cache_write_tokens,
                },
                "credits": self.usage.credits,
            }
        if self.first_event_at:
            fields["ttfb"] = round(self.first_event_at - self.started_at, 4)
        if self.unhonoured:
            fields["unhonoured"] = ",".join(self.unhonoured)
        if self.error:
            fields["error"] = self.error
        level = logging.WARNING if status >= 500 else logging.INFO
        logger.log(level, "%s %s %s", self.method, self.path, status, extra=fields)
