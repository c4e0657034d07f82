"""Events -> a dialect's bytes -> the client: the only way a stream goes out."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from django.http import StreamingHttpResponse

from proxy.errors import GatewayError
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


def stream(reply: OpenReply, encoder: StreamEncoder) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        _encoded(reply, encoder),
        content_type="text/event-stream; charset=utf-8",
        headers={
            "Cache-Control": "no-cache",
            "X-Accel-Buffering": "no",
            **reply.exchange.headers(),
        },
    )


async def _encoded(reply: OpenReply, encoder: StreamEncoder) -> AsyncIterator[bytes]:
    try:
        opening = encoder.start()
        if not reply.has_begun:
            opening += encoder.ping()
        yield opening
        while True:
            if not await reply.wait(PING_SECONDS):
                yield encoder.ping()
                continue
            events = reply.take()
            if events is None:
                return
            yield encoder.feed(events)
    except GatewayError as error:
        reply.exchange.error = type(error).__name__
        yield encoder.error(error)
    except Exception:
        logger.exception("a reply broke in the gateway")
        reply.exchange.error = "broken"
        yield encoder.error(GatewayError("the gateway failed: see its log"))
    finally:
        await reply.close()
        reply.exchange.finish(200)
