"""How the pages write what was used."""

from __future__ import annotations

from decimal import Decimal

from django import template

from dashboard.charts import written
from dashboard.filters import DIALECTS

register = template.Library()


@register.filter
def count(amount: int | None) -> str:
    return written(amount, "count")


@register.filter
def spent(amount: Decimal | float | None) -> str:
    return written(amount, "credits")


@register.filter
def seconds(milliseconds: float | None) -> str:
    return written(milliseconds, "ms")


@register.filter
def dialect(name: str) -> str:
    return DIALECTS.get(name, name)


@register.filter
def figure(amount: Decimal | int | None) -> str:
    """Of credits or of tokens, as it comes."""
    return written(amount, "credits" if isinstance(amount, Decimal) else "count")
