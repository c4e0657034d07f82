"""Serves the gateway: one process on HOST:PORT, or on an inherited socket."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from kiro2api.companion import worker_beside


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--fd", type=int, help="serve on this open socket instead of HOST and PORT"
        )
        parser.add_argument(
            "--worker", action="store_true", help="run the background worker as well"
        )

    def handle(
        self,
        *args: Any,
        fd: int | None = None,
        worker: bool = False,
        **options: Any,
    ) -> None:
        from kiro2api.asgi import application
        from kiro2api.server import GatewayServer  # installs Twisted's reactor

        interface = settings.HOST.replace(":", r"\:")
        endpoint = f"tcp:port={settings.PORT}:interface={interface}"
        if fd is not None:
            endpoint = f"fd:fileno={fd}"
        server = GatewayServer(application, endpoint)
        self.stdout.write(f"Serving on http://{settings.HOST}:{settings.PORT}")
        with worker_beside() if worker else nullcontext():
            server.run()
        if server.failure:
            raise CommandError(server.failure)
        sys.exit(0)
