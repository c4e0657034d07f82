"""How the pages write credits and moments."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def credits(amount: float) -> str:
    """1234.5 as 1,234.5: grouped by three in every language, unlike Django's own."""
    return f"{amount:,.1f}".removesuffix(".0")


@register.simple_tag
def moment(when: datetime, shape: str) -> SafeString:
    """A time that the page's script writes in the reader's own zone.

    `shape`: `distance` (3 minutes ago), `day`, `clock` or `exact`.
    """
    local = timezone.localtime(when)
    return format_html(
        '<time datetime="{}" data-shape="{}">{} {}</time>',
        when.isoformat(timespec="seconds"),
        shape,
        formats.date_format(local, "Y-m-d H:i"),
        local.tzname() or "",
    )
