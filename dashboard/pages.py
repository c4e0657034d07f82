"""What the pages have in common: a thread with a database, and who may see them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from datetime import tzinfo
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from dashboard.headers import private
from dashboard.sight import Sight, sight_of
from kiro2api.database import in_database

logger = logging.getLogger(__name__)

P = ParamSpec("P")

ZONE_COOKIE = "zone"
"""The reader's, as the pages' script says."""


def page(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], Coroutine[Any, Any, HttpResponseBase]]:
    """A view that works in a thread with a database, in the reader's time zone; a
    page in its place while the database is away."""

    def within_zone(
        request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        with timezone.override(zone_of(request)):
            return view(request, *args, **kwargs)

    @private
    @wraps(view)
    async def answered(
        request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        try:
            return await in_database(within_zone)(request, *args, **kwargs)
        except DatabaseError as error:
            logger.error("no page: database: %s", type(error).__name__)
            # Who asks is not known either.
            request.user = AnonymousUser()
            return render(request, "dashboard/away.html", status=503)

    return answered


def for_people(
    view: Callable[Concatenate[HttpRequest, Sight, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], Coroutine[Any, Any, HttpResponseBase]]:
    """The same for those alone who are logged in; the view is handed what they may
    see. Parts of pages, which htmx asks for, send the whole page to the login."""

    @page
    @wraps(view)
    def known(
        request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        sight = sight_of(request.user)
        if sight.person is not None:
            return view(request, sight, *args, **kwargs)
        if request.headers.get("HX-Request"):
            address = redirect_to_login(request.headers.get("HX-Current-URL", "")).url
            return HttpResponse(status=401, headers={"HX-Redirect": address})
        return redirect_to_login(request.get_full_path())

    return known


def zone_of(request: HttpRequest) -> tzinfo:
    try:
        return ZoneInfo(request.COOKIES.get(ZONE_COOKIE, ""))
    except (KeyError, ValueError, OSError):
        return timezone.get_default_timezone()
