"""Between those who log and the console or disk, which may be slow: a bounded queue.

Whoever logs hands its line over and goes on; a thread writes. Lines for which there is
no room are counted and lost, and the count is told with the next line that has room.
"""

from __future__ import annotations

import atexit
import copy
import logging
import queue
import threading
from collections.abc import Sequence

from kiro2api import metrics, requestid

WAITING_MOST = 10_000
# For what waits at the exit of the process
FLUSH_SECONDS = 5.0

_traceback = logging.Formatter().formatException


class Queued(logging.Handler):
    def __init__(
        self, targets: Sequence[logging.Handler], most: int = WAITING_MOST
    ) -> None:
        super().__init__()
        self.dropped = 0
        """Since the start."""
        self._told = 0
        self._targets = targets
        self._waiting: queue.Queue[logging.LogRecord | None] = queue.Queue(most)
        self._writer = threading.Thread(
            target=self._write, name="log writer", daemon=True
        )
        self._writer.start()
        atexit.register(self.stop)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._waiting.put_nowait(_frozen(record))
        except queue.Full:
            self.dropped += 1

    def stop(self) -> None:
        """Write what waits; what is logged afterwards is lost."""
        atexit.unregister(self.stop)
        try:
            self._waiting.put(None, timeout=FLUSH_SECONDS)
        except queue.Full:
            return
        self._writer.join(FLUSH_SECONDS)

    def _write(self) -> None:
        while (record := self._waiting.get()) is not None:
            self._hand_on(record)
            if (dropped := self.dropped) > self._told:
                self._hand_on(_about_dropped(dropped - self._told))
                metrics.count(
                    "kiro2api_log_lines_dropped_total", by=dropped - self._told
                )
                self._told = dropped

    def _hand_on(self, record: logging.LogRecord) -> None:
        for target in self._targets:
            target.handle(record)


def _frozen(record: logging.LogRecord) -> logging.LogRecord:
    """With all that its text is made of, as it is now and here."""
    record = copy.copy(record)
    record.message = record.getMessage()
    record.args = None
    record.msg = record.message
    if record.exc_info:
        record.exc_text = record.exc_text or _traceback(record.exc_info)
        record.exc_info = None
    for name, variable in (
        ("request_id", requestid.request_id),
        ("account", requestid.account),
    ):
        if not hasattr(record, name) and (value := variable.get()):
            setattr(record, name, value)
    return record


def _about_dropped(count: int) -> logging.LogRecord:
    text = f"{count} log lines were lost: they came faster than they can be written"
    return logging.LogRecord(__name__, logging.ERROR, "", 0, text, None, None)
