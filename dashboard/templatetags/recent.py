"""The requests that an account has served, on its page in the admin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import template
from django.template import Context
from django.utils import timezone

from clients.models import UsageRecord
from clients.reports import Choice, recent

register = template.Library()

REQUESTS = 20
ERRORS = 10
# Failures may be far apart: they are not looked for in all the records there are.
ERRORS_OF = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Line:
    record: UsageRecord

    @property
    def tokens_in(self) -> str:
        """With those read from upstream's cache, and written to it."""
        record = self.record
        cached = record.cache_read_tokens + record.cache_write_tokens
        return f"{record.input_tokens + cached:,}"

    @property
    def tokens_out(self) -> str:
        return f"{self.record.output_tokens:,}"

    @property
    def seconds(self) -> str:
        return f"{self.record.duration_ms / 1000:,.1f}"


@register.inclusion_tag("admin/accounts/account/recent.html", takes_context=True)
def recent_requests(context: Context, account_id: int) -> dict[str, Any]:
    """The newest, and the newest that failed; for those who may see requests."""
    if not context["user"].has_perm("clients.view_usagerecord"):
        return {"may_see": False}
    choice = Choice(account_id=account_id)
    since = timezone.now() - ERRORS_OF
    return {
        "may_see": True,
        "requests": _lines(recent(choice, size=REQUESTS).records),
        "errors": _lines(recent(choice, failed=True, since=since, size=ERRORS).records),
        "days": ERRORS_OF.days,
    }


def _lines(records: Sequence[UsageRecord]) -> list[Line]:
    return [Line(record) for record in records]
