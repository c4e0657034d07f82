"""daphne, completed through its own hooks.

daphne alone reads uploads without limit, writes without limit to a client that
does not read, and cuts open streams when it is told to stop. Here:

- an upload is refused as soon as it is known to be too large, and given up when
  it takes too long;
- a reply waits while the client's socket is full;
- on SIGTERM it stops listening, lets open replies finish for DRAIN_SECONDS, sends
  clients that keep their connection elsewhere, writes down what waits to be written,
  and closes its own connections.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

import msgspec
from daphne import server as daphne_server
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import Server  # first: it installs the reactor
from django.conf import settings
from twisted.internet import defer, reactor
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IPushProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer

from accounts import reading, slots
from dashboard.alerts import nudges
from kiro2api import draining, http, metrics
from kiro2api.requestid import accepted_id
from proxy import attachments, dump, settlements
from proxy.dialects import error_body
from proxy.errors import BodyTooLarge, GatewayError, UploadTooSlow

logger = logging.getLogger(__name__)

# One message to the application per body, not one for each 8 KB of it.
BODY_MESSAGE_BYTES = 2**20
# How long a refused upload is read on and dropped, so that its sender gets to
# read the refusal instead of a reset.
LINGER_SECONDS = 5.0
# How long nothing must have come on the connections that clients keep, until a server
# that drains closes them.
QUIET_SECONDS = 0.5
LOOK_EVERY = 0.02


@implementer(IPushProducer)
class Request(WebRequest):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.writable = asyncio.Event()
        self.writable.set()
        self._received = 0
        self._refused = False
        self._upload_timer: Any = None

    # Uploads

    def gotLength(self, length: int | None) -> None:
        """Headers are in; `length` is None for a chunked body."""
        super().gotLength(length)
        if length == 0:
            return
        if length and length > settings.MAX_BODY_BYTES:
            self._refuse(_too_large())
        else:
            self._upload_timer = reactor.callLater(
                settings.UPLOAD_TIMEOUT, self._refuse, _too_slow()
            )

    def handleContentChunk(self, data: bytes) -> None:
        self._received += len(data)
        if self._refused:
            return
        if self._received > settings.MAX_BODY_BYTES:
            self._refuse(_too_large())
        else:
            super().handleContentChunk(data)

    def process(self) -> Any:
        self._stop_upload_timer()
        return None if self._refused else super().process()

    def connectionLost(self, reason: Any) -> None:
        self._stop_upload_timer()
        self.writable.set()
        super().connectionLost(reason)

    @property
    def uploads(self) -> bool:
        return bool(self._upload_timer and self._upload_timer.active())

    def _stop_upload_timer(self) -> None:
        if self.uploads:
            self._upload_timer.cancel()

    def _refuse(self, error: GatewayError) -> None:
        """Answer now, in the midst of the upload, and drop the rest of it."""
        self._stop_upload_timer()
        self._refused = True
        channel = self.channel
        headers = {
            name.decode("latin1").lower(): values[0].decode("latin1")
            for name, values in self.requestHeaders.getAllRawHeaders()
        }
        request_id = accepted_id(headers.get("x-request-id", ""))
        path = channel._path.decode("latin1")
        logger.info(
            "%s %s %s",
            channel._command.decode("latin1"),
            path,
            error.status,
            extra={"request_id": request_id, "error": type(error).__name__},
        )
        content = msgspec.json.encode(error_body(path, headers, error, request_id))
        channel.transport.write(
            b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\nConnection: close\r\nrequest-id: %b\r\n\r\n%b"
            % (error.status, b"Refused", len(content), request_id.encode(), content)
        )
        channel.setTimeout(None)
        channel.dataReceived = _drop
        reactor.callLater(LINGER_SECONDS, channel.transport.loseConnection)

    # Back-pressure: Twisted calls these as the client's socket fills and empties

    def pauseProducing(self) -> None:
        self.writable.clear()

    def resumeProducing(self) -> None:
        self.writable.set()

    def stopProducing(self) -> None:
        self.writable.set()

    def handle_reply(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start" and draining.has_begun():
            self._announce_end()
        if message["type"] == "http.response.body" and self.channel is not None:
            streams = message.get("more_body", False)
            if streams and not self.producer:
                self.registerProducer(self, True)
            elif not streams and self.producer:
                self.unregisterProducer()
        super().handle_reply(message)

    def _announce_end(self) -> None:
        """Of the connection: whoever keeps it opens another for the next request."""
        if self.channel is not None:
            self.setHeader(b"connection", b"close")
            self.channel.persistent = False


def _drop(data: bytes) -> None:
    """What a refused upload goes on to send."""


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"the body is over {settings.MAX_BODY_BYTES} bytes")


def _too_slow() -> UploadTooSlow:
    return UploadTooSlow(f"the body took over {settings.UPLOAD_TIMEOUT:g} s to come")


class Factory(HTTPFactory):  # type: ignore[misc]
    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = Request
        return protocol


class GatewayServer(Server):  # type: ignore[misc]
    def __init__(self, application: Any, endpoint: str) -> None:
        super().__init__(
            application,
            endpoints=[endpoint],
            request_buffer_size=BODY_MESSAGE_BYTES,
            server_name="kiro2api",
        )
        self.failure = ""
        self._ports: list[Any] = []

    def run(self) -> None:
        daphne_server.HTTPFactory = Factory  # looked up by name in Server.run
        http.keep_open()
        nudges.begin()
        if settings.METRICS_TOKEN:
            metrics.start(settings.DATA_DIR / "metrics")
        super().run()

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        self._ports.append(port)

    def listen_error(self, failure: Any) -> None:
        address = f"{settings.HOST}:{settings.PORT}"
        if failure.check(CannotListenError):
            why = f"{failure.value.socketError}: choose another PORT or HOST"
        else:
            why = failure.getErrorMessage()
        self.failure = f"Cannot listen on {address}: {why}."
        self.stop()

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        await super().handle_reply(protocol, message)
        if isinstance(protocol, Request):
            await protocol.writable.wait()

    def kill_all_applications(self) -> defer.Deferred[None]:
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._drain()))

    async def _drain(self) -> None:
        draining.begin()
        for port in self._ports:
            port.stopListening()
        if under_way := self._under_way():
            logger.info("draining: %d requests are under way", under_way)
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.DRAIN_SECONDS):
                await self._until_quiet()
        # An upload under way has no application yet; the parent takes that for a
        # fault and skips the others.
        nothing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        nothing.set_result(None)
        for details in self.connections.values():
            details.setdefault("application_instance", nothing)
        await super().kill_all_applications().asFuture(asyncio.get_running_loop())
        await settlements.close(seconds=10)
        await reading.finish()
        await nudges.end()
        await slots.finish()
        await attachments.close()
        await dump.close()
        await http.close()

    def _under_way(self) -> int:
        """Requests that come in, are answered, or whose answer is not yet sent."""
        requests = [
            (protocol, details.get("application_instance"))
            for protocol, details in self.connections.items()
            if isinstance(protocol, Request)
        ]
        open_requests = sum(
            not reply.done() if reply else protocol.uploads
            for protocol, reply in requests
        )
        unsent = sum(isinstance(writer, Connection) for writer in reactor.getWriters())
        return max(open_requests, unsent)

    async def _until_quiet(self) -> None:
        clock = asyncio.get_running_loop().time
        busy_at = clock()
        while busy_at + QUIET_SECONDS > clock():
            if self._under_way():
                busy_at = clock()
            elif not any(isinstance(r, Connection) for r in reactor.getReaders()):
                return
            await asyncio.sleep(LOOK_EVERY)
