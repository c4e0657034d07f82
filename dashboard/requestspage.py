"""The page of recent requests, newest first."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from clients.reports import recent
from dashboard.exports import ROWS_MOST
from dashboard.filters import RequestFilters
from dashboard.pages import for_people
from dashboard.sight import Sight


@require_safe
@for_people
def page(request: HttpRequest, sight: Sight) -> HttpResponse:
    return render(request, "dashboard/requests.html", _told(request, sight))


@require_safe
@for_people
def part(request: HttpRequest, sight: Sight) -> HttpResponse:
    return render(request, "dashboard/_requests.html", _told(request, sight))


def _told(request: HttpRequest, sight: Sight) -> dict[str, Any]:
    filters = RequestFilters(request.GET, sight)
    after = request.GET.get("after", "")
    told: dict[str, Any] = {
        "filters": filters,
        "sight": sight,
        "after": after,
        "kept_days": settings.USAGE_RETENTION_DAYS,
        "rows_most": f"{ROWS_MOST:,}",
    }
    if filters.is_valid():
        try:
            told["found"] = recent(**filters.wanted, after=after)
        except ValueError as error:
            raise Http404 from error
        told["query"] = filters.query
    return told
