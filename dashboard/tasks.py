"""What the background worker does for those who want to be told."""

from __future__ import annotations

from dashboard.alerts.watch import check
from kiro2api import http
from kiro2api.periodic import every


@every(minutes=1)
def send_alerts() -> None:
    http.run(check)
