"""The page of charts, and the part of it that changes."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.charts import charts, times
from dashboard.filters import SPLITS, UsageFilters
from dashboard.pages import for_people
from dashboard.sight import Sight
from dashboard.usage import Usage, usage


@require_safe
@for_people
def page(request: HttpRequest, sight: Sight) -> HttpResponse:
    return render(request, "dashboard/usage.html", _told(request, sight))


@require_safe
@for_people
def part(request: HttpRequest, sight: Sight) -> HttpResponse:
    return render(request, "dashboard/_usage.html", _told(request, sight))


def _told(request: HttpRequest, sight: Sight) -> dict[str, Any]:
    filters = UsageFilters(request.GET, sight)
    told: dict[str, Any] = {"filters": filters, "sight": sight}
    if filters.is_valid():
        split = filters.cleaned_data["split"] or None
        told |= shown(usage(filters.span_chosen, split, filters.choice), filters.query)
    return told


def shown(used: Usage, query: str) -> dict[str, Any]:
    """For `_usage.html`; `query` are the filters, for its address and links."""
    return {
        "used": used,
        "charts": charts(used),
        "times": times(used),
        "by_step": sorted(used.steps.items(), reverse=True),
        "split_label": SPLITS[used.split or ""],
        "query": query,
    }
