"""Wrong set-ups, told at the start instead of in the middle of the work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

# Variables of the oldest kiro2api; KIRO_AUTH_TOKEN replaced them all.
REPLACED = (
    "REFRESH_TOKEN",
    "AWS_REFRESHTOKEN",
    "IDC_REFRESH_TOKEN",
    "BULK_REFRESH_TOKENS",
)


def belongs_to_demo() -> bool:
    """Whether the SQLite file lies beside the mark that demo.py leaves."""
    name = settings.DATABASES["default"]["NAME"]
    return settings.SQLITE and (Path(name).parent / "demo").exists()


@register()
def demo_stays_apart(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    if belongs_to_demo() and not settings.DEMO:
        return [
            Error(
                "This database belongs to the demo.",
                hint="Choose another DATA_DIR or DATABASE_URL.",
                id="kiro2api.E001",
            )
        ]
    return []


@register()
def replaced_variables(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    return [
        Warning(
            f"{name} is not read any more.",
            hint='Use KIRO_AUTH_TOKEN=\'[{"auth":"Social","refreshToken":"..."}]\'',
            id="kiro2api.W001",
        )
        for name in REPLACED
        if os.environ.get(name)
    ]


@register()
def log_file_cannot_be_written(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    if not settings.LOG_FILE_FAULT:
        return []
    return [
        Warning(
            f"LOG_FILE: cannot write to {settings.LOG_FILE}: "
            f"{settings.LOG_FILE_FAULT}.",
            hint="The log goes to the console alone.",
            id="kiro2api.W002",
        )
    ]
