"""Events -> a dialect's bytes -> the client: the only way a stream goes out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from django.http import StreamingHttpResponse

from proxy import dump
from proxy.errors import GatewayError
from proxy.exchange import CLIENT_GONE, STATUS_CLIENT_GONE
from proxy.gateway import OpenReply
from proxy.messages import Event

logger = logging.getLogger(__name__)

# Clients give up after 300 s without a byte, proxies in between after 60 s.
PING_SECONDS = 15.0


class StreamEncoder(Protocol):
    """How a dialect writes its stream; every method returns whole events."""

    def start(self) -> bytes: ...
    def feed(self, events: Iterable[Event]) -> bytes: ...
    def ping(self) -> bytes: ...
    def error(self, error: GatewayError) -> bytes: ...


class ReplyStream(StreamingHttpResponse):
    def __init__(
        self,
        reply: OpenReply,
        encoder: StreamEncoder,
        ping_seconds: float = PING_SECONDS,
    ) -> None:
        super().__init__(
            _encoded(reply, encoder, ping_seconds),
            content_type="text/event-stream; charset=utf-8",
            headers={
                "Cache-Control": "no-cache",
                "X-Accel-Buffering": "no",
                **reply.exchange.headers(),
            },
        )
        self._reply = reply

    def close(self) -> None:
        """Also when the client left before the first byte, and nothing was ever
        iterated: no upstream call outlives its response."""
        self._reply.abandon()
        if not self._reply.exchange.status:
            self._reply.exchange.error = CLIENT_GONE
            self._reply.exchange.finish(STATUS_CLIENT_GONE)
        super().close()


async def _encoded(
    reply: OpenReply, encoder: StreamEncoder, ping_seconds: float
) -> AsyncIterator[bytes]:
    try:
        opening = encoder.start()
        if not reply.has_begun:
            opening += encoder.ping()
        yield opening
        while True:
            if not await reply.wait(ping_seconds):
                yield encoder.ping()
                continue
            events = reply.take()
            if events is None:
                return
            content = encoder.feed(events)
            dump.note("answer", content)
            yield content
    except (asyncio.CancelledError, GeneratorExit):
        reply.exchange.error = CLIENT_GONE
        raise
    except GatewayError as error:
        reply.exchange.error = type(error).__name__
        content = encoder.error(error)
        dump.note("answer", content)
        yield content
    except Exception:
        logger.exception("a reply broke in the gateway")
        reply.exchange.error = "broken"
        yield encoder.error(GatewayError("the gateway failed: see its log"))
    finally:
        # First the log line: closing is cut short when we are cancelled again.
        reply.exchange.finish(200)
        await reply.close()
