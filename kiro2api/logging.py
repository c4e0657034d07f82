"""How log lines look, and where they go: one JSON object or one plain line each.

Both say the same. A line has timestamp, level, service, logger and message; request_id
and account where it belongs to a request; exc_info where something was raised; and
what else was passed as `extra`.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kiro2api.logfile import RotatedFile
from kiro2api.logqueue import Queued
from kiro2api.redaction import Redaction

LEVELS = {
    "debug": "DEBUG",
    "info": "INFO",
    "warn": "WARNING",
    "warning": "WARNING",
    "error": "ERROR",
    "fatal": "CRITICAL",
}
FORMATS = ("json", "text")
SERVICE = "kiro2api"
# Below warning these write bodies, headers, values in SQL, pieces of files, or a line
# per socket or missing variable.
TOO_TALKATIVE = (
    "httpx",
    "httpcore",
    "aiohttp",
    "asyncio",
    "daphne",
    "huey",
    "PIL",
    "pypdf",
    "django.db.backends",
    "django.template",
)

# What every record has; all else was passed as `extra`. Django passes the request.
_ALWAYS = {*vars(logging.makeLogRecord({})), "message", "taskName", "request"}


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where lines go to."""

    console: bool
    file: Path | None
    file_bytes: int
    """At which the file is rotated."""
    file_keep: int


def logging_config(
    level: str, form: str, sinks: Sinks, secrets: Collection[str] = ()
) -> dict[str, Any]:
    """A dictConfig. `level` and `form` are keys of LEVELS and FORMATS; `secrets` never
    stand in a line."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {
            "queue": {
                "()": queued,
                "form": form,
                "sinks": sinks,
                "secrets": tuple(secrets),
            }
        },
        "root": {"handlers": ["queue"], "level": LEVELS[level]},
        "loggers": {name: {"level": "WARNING"} for name in TOO_TALKATIVE}
        # Anybody can cause it, as often as they like; it would bring a traceback.
        | {"django.security.DisallowedHost": {"level": "CRITICAL"}},
    }


def queued(form: str, sinks: Sinks, secrets: tuple[str, ...]) -> Queued:
    targets: list[logging.Handler] = []
    if sinks.console:
        targets.append(logging.StreamHandler(sys.stdout))
    if sinks.file:
        targets.append(RotatedFile(sinks.file, sinks.file_bytes, sinks.file_keep))
    shape = json_line if form == "json" else text_line
    for target in targets:
        target.setFormatter(Lines(shape, Redaction(secrets)))
    return Queued(targets)


class Lines(logging.Formatter):
    def __init__(
        self, shape: Callable[[logging.LogRecord], str], redact: Redaction
    ) -> None:
        super().__init__()
        self._shape = shape
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        line = self._redact(self._shape(record))
        # Half a surrogate pair cannot be written.
        return line.encode("utf-8", "replace").decode()


def json_line(record: logging.LogRecord) -> str:
    fields = {
        "timestamp": _moment(record),
        "level": record.levelname,
        "service": SERVICE,
        "logger": record.name,
        "message": record.getMessage(),
        **_extra(record),
    }
    if trace := _trace(record):
        fields["exc_info"] = trace
    return json.dumps(fields, ensure_ascii=False, default=str)


def text_line(record: logging.LogRecord) -> str:
    extra = "".join(f" {name}={_word(it)}" for name, it in _extra(record).items())
    message = record.getMessage()
    line = f"{_moment(record)} {record.levelname:7} {record.name}: {message}{extra}"
    trace = _trace(record)
    return f"{line}\n{trace}" if trace else line


def _moment(record: logging.LogRecord) -> str:
    return (
        datetime.fromtimestamp(record.created)
        .astimezone()
        .isoformat(timespec="milliseconds")
    )


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _ALWAYS}


def _word(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    bare = text[1:-1]
    return bare if isinstance(value, str) and bare and " " not in bare else text


def _trace(record: logging.LogRecord) -> str:
    if record.exc_text:
        return record.exc_text
    if record.exc_info:
        return logging.Formatter().formatException(record.exc_info)
    return ""
