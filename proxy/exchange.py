"""One request and what became of it: the source of its log line and its record."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from clients import records
from clients.costs import exact
from clients.keys import Client
from clients.records import Record
from kiro2api import metrics
from proxy import dump
from proxy.messages import Usage

logger = logging.getLogger("kiro2api.request")

# As nginx logs it; no client ever sees it.
STATUS_CLIENT_GONE = 499
CLIENT_GONE = "client_gone"

# As long as the columns of a record.
NAME_MOST = 100
MODEL_MOST = 128
UNHONOURED_MOST = 500


@dataclass(slots=True)
class Exchange:
    request_id: str
    method: str
    path: str
    client: Client | None = None
    dialect: str = ""
    """Of a request for a reply; of no other a record is kept."""
    model: str = ""
    """As the client wrote it."""
    served_model: str = ""
    """By its name here."""
    session: str = ""
    stream: bool = False
    account: str = ""
    account_id: int = 0
    tries: int = 0
    usage: Usage = Usage()
    estimated: bool = False
    """Upstream has not told what some of it cost."""
    reservation: int | None = None
    """What the ledger has put by for it."""
    error: str = ""
    unhonoured: tuple[str, ...] = ()
    first_event_at: float = 0.0
    started_at: float = field(default_factory=time.monotonic)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    status: int = 0
    """0: it is not answered yet."""
    _answered_at: float = 0.0
    _replies: int = 0
    """Under way at upstream."""

    def began(self) -> None:
        if not self.first_event_at:
            self.first_event_at = time.monotonic()

    def headers(self) -> dict[str, str]:
        """What the client is told beside the reply."""
        if not self.unhonoured:
            return {}
        return {"x-kiro2api-unhonoured": ", ".join(self.unhonoured)}

    def reply_opened(self) -> None:
        self._replies += 1
        metrics.count("kiro2api_streams_open")

    def reply_ended(self) -> None:
        """At upstream, with its cost known."""
        self._replies -= 1
        metrics.count("kiro2api_streams_open", by=-1)
        self._keep_if_over()

    def finish(self, status: int) -> None:
        """The client has its answer, or has left: write the line, the first time.
        Never anything of the request's or the reply's text."""
        if self.status:
            return
        self.status = status
        self._answered_at = time.monotonic()
        self._log()
        dump.end()
        self._keep_if_over()

    def _log(self) -> None:
        fields: dict[str, object] = {
            "request_id": self.request_id,
            "user_id": self.client.name if self.client else "",
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "response_time": round(self._answered_at - self.started_at, 4),
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
        level = logging.WARNING if self.status >= 500 else logging.INFO
        message = "%s %s %s"
        logger.log(level, message, self.method, self.path, self.status, extra=fields)

    def _keep_if_over(self) -> None:
        """Once both have ended: what the client saw, and what upstream did."""
        if self.status and not self._replies:
            self._count()
            if self.client and self.dialect:
                records.book(self._record(self.client), self.reservation)

    def _count(self) -> None:
        # By names of ours alone: what a client writes has no end.
        dialect, model, account = self.dialect, self.served_model, self.account
        usage = self.usage
        metrics.count(
            "kiro2api_requests_total", dialect, model, str(self.status), account
        )
        seconds = self._answered_at - self.started_at
        metrics.observe("kiro2api_request_seconds", seconds, dialect, model)
        if self.first_event_at:
            waited = self.first_event_at - self.started_at
            metrics.observe("kiro2api_first_event_seconds", waited, dialect, model)
        for kind, tokens in (
            ("input", usage.input_tokens),
            ("output", usage.output_tokens),
            ("cache_read", usage.cache_read_tokens),
            ("cache_write", usage.cache_write_tokens),
        ):
            if tokens:
                name = "kiro2api_tokens_total"
                metrics.count(name, model, account, kind, by=tokens)
        if usage.credits:
            metrics.count("kiro2api_credits_total", model, account, by=usage.credits)
        if self.tries > 1:
            metrics.count("kiro2api_failovers_total", model, by=self.tries - 1)

    @property
    def _has_failed(self) -> bool:
        left = self.error == CLIENT_GONE
        return not left and (self.status >= 400 or self.error != "")

    def _record(self, client: Client) -> Record:
        usage = self.usage
        return Record(
            at=self.at,
            request_id=self.request_id,
            key_id=client.key_id or 0,
            key_name=client.name[:NAME_MOST],
            owner_id=client.owner_id or 0,
            owner_name=client.owner_name,
            session=self.session,
            account_id=self.account_id,
            account=self.account,
            model=self.served_model[:MODEL_MOST],
            dialect=self.dialect,
            stream=self.stream,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            credits=exact(usage.credits),
            estimated=self.estimated,
            status=self.status,
            error=self.error,
            failed=self._has_failed,
            ttfb_ms=_ms(self.first_event_at - self.started_at)
            if self.first_event_at
            else None,
            duration_ms=_ms(self._answered_at - self.started_at),
            unhonoured=",".join(self.unhonoured)[:UNHONOURED_MOST],
        )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
