"""Whoever alerts are sent to: a small web server and a small mail server, both real,
on ports of this machine."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer, StreamRequestHandler, ThreadingTCPServer
from typing import Any, ClassVar


@dataclass
class Post:
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Hook:
    """Answers 200 to all, but for what stands in `answers`, the first one next."""

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    location: str = ""
    may_answer: threading.Event = field(default_factory=threading.Event)

    @property
    def events(self) -> list[str]:
        return [post.json["event"] for post in self.posts]


@contextmanager
def hook_running(tls: ssl.SSLContext | None = None) -> Iterator[Hook]:
    hook = Hook()
    hook.may_answer.set()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            hook.posts.append(Post(self.path, headers, content))
            hook.may_answer.wait(30)
            status, answer = hook.answers.pop(0) if hook.answers else (200, b"ok")
            self.send_response(status)
            if hook.location:
                self.send_header("location", hook.location)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Not among what tests print."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        scheme = "https" if tls else "http"
        hook.url = f"{scheme}://127.0.0.1:{server.server_address[1]}/hook/for-us-only"
        with _serving(server):
            yield hook
        hook.may_answer.set()


@dataclass
class Mailbox:
    port: int = 0
    letters: list[tuple[str, str, EmailMessage]] = field(default_factory=list)
    """From, to, and what was written."""
    refuses: str = ""
    """With what it answers every recipient."""


@contextmanager
def mailbox_running() -> Iterator[Mailbox]:
    mailbox = Mailbox()

    class Talk(StreamRequestHandler):
        answers: ClassVar = {"EHLO": "250 here", "MAIL": "250 ok", "QUIT": "221 bye"}

        def handle(self) -> None:
            sender = recipient = ""
            self.say("220 here")
            while line := self.rfile.readline().decode().strip():
                verb = line[:4].upper()
                if verb == "MAIL":
                    sender = line.split("<")[1].split(">")[0]
                if verb == "RCPT":
                    recipient = line.split("<")[1].split(">")[0]
                    self.say(mailbox.refuses or "250 ok")
                elif verb == "DATA":
                    self.say("354 go on")
                    mailbox.letters.append((sender, recipient, self.letter()))
                    self.say("250 taken")
                else:
                    self.say(self.answers.get(verb, "250 ok"))
                if verb == "QUIT":
                    return

        def letter(self) -> EmailMessage:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line)
            letter = message_from_bytes(b"".join(lines), policy=policy.default)
            assert isinstance(letter, EmailMessage)
            return letter

        def say(self, line: str) -> None:
            self.wfile.write(line.encode() + b"\r\n")

    with ThreadingTCPServer(("127.0.0.1", 0), Talk) as server:
        mailbox.port = server.server_address[1]
        with _serving(server):
            yield mailbox


@contextmanager
def _serving(server: BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
