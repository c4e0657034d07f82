"""How log lines look: one JSON object or one plain line each."""

from __future__ import annotations

from typing import Any

LEVELS = {
    "debug": "DEBUG",
    "info": "INFO",
    "warn": "WARNING",
    "warning": "WARNING",
    "error": "ERROR",
    "fatal": "CRITICAL",
}
FORMATS = ("json", "text")


def logging_config(
    level: str, form: str, console: bool, file: str = ""
) -> dict[str, Any]:
    """A dictConfig. `level` and `form` are keys of LEVELS and FORMATS."""
    handlers: dict[str, dict[str, Any]] = {}
    if console:
        handlers["console"] = {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": form,
        }
    if file:
        # Appends, and reopens the file when it was moved away by a rotation.
        handlers["file"] = {
            "class": "logging.handlers.WatchedFileHandler",
            "filename": file,
            "encoding": "utf-8",
            "formatter": form,
        }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
                "rename_fields": {
                    "asctime": "timestamp",
                    "levelname": "level",
                    "name": "logger",
                },
                "static_fields": {"service": "kiro2api"},
                "json_ensure_ascii": False,
            },
            "text": {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"},
        },
        "handlers": handlers,
        "root": {"handlers": list(handlers), "level": LEVELS[level]},
        "loggers": {
            # Below warning these write bodies, headers or a line per socket.
            name: {"level": "WARNING"}
            for name in ("httpx", "httpcore", "aiohttp", "asyncio", "daphne", "huey")
        },
    }
