"""What the background worker does for requests."""

from __future__ import annotations

from django.conf import settings

from kiro2api.periodic import every
from proxy import dump


@every(minutes=10)
def forget_old_dumps() -> None:
    if settings.DUMP_DIR:
        dump.forget_old()
