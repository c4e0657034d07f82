"""What every page may show about the program itself."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from kiro2api import VERSION


def program(request: HttpRequest) -> dict[str, object]:
    return {"version": VERSION, "demo": settings.DEMO}


def environment_badge(request: HttpRequest) -> list[str] | None:
    """The mark at the top of every admin page."""
    return ["demo", "warning"] if settings.DEMO else None
