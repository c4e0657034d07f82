"""Runs the background worker: one for all gateway processes. It renews tokens before
they expire, reads credits, sums up usage and tidies up; without it requests do what
cannot wait."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from kiro2api import metrics
from kiro2api.periodic import run_worker


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--until-input-ends",
            action="store_true",
            help="stop when standard input ends, as it does with whoever started us",
        )

    def handle(
        self, *args: Any, until_input_ends: bool = False, **options: Any
    ) -> None:
        if until_input_ends:
            threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
        if settings.METRICS_TOKEN:
            metrics.start(settings.DATA_DIR / "metrics")
        run_worker()


def _stop_at_end_of_input() -> None:
    while sys.stdin.buffer.read(1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
