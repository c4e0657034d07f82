"""The first page, the JSON beside it, and what load balancers ask."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboard.headers import private
from dashboard.pages import page
from dashboard.sight import Sight, sight_of
from dashboard.status import PoolStatus, pool_status, usable_accounts
from dashboard.today import Today, today
from dashboard.tokens import tokens_document
from kiro2api import draining
from kiro2api.database import in_database

logger = logging.getLogger(__name__)

# A database that does not answer at all counts as away after so many seconds.
READY_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Look:
    """What this visitor gets to see."""

    pool: PoolStatus
    sight: Sight
    today: Today | None

    @property
    def detailed(self) -> bool:
        return self.sight.accounts


NoLook = Literal["login first", "database away"]


@require_safe
@page
def index(request: HttpRequest) -> HttpResponse:
    look = _look_in_database(request)
    if look == "login first":
        return redirect_to_login(request.get_full_path())
    address = request.build_absolute_uri(reverse("dashboard:index")).rstrip("/")
    return render(request, "dashboard/index.html", {"look": look, "address": address})


@require_safe
@private
async def pool(request: HttpRequest) -> HttpResponse:
    """The part of the page that changes, for its refresh button."""
    match await _look(request):
        case Look() as look:
            return render(request, "dashboard/_pool.html", {"look": look})
        case "login first":
            login = redirect_to_login(reverse("dashboard:index")).url
            return HttpResponse(status=401, headers={"HX-Redirect": login})
        case "database away":
            return HttpResponse(status=503)


@require_safe
@private
async def tokens(request: HttpRequest) -> JsonResponse:
    match await _look(request):
        case Look() as look:
            return JsonResponse(
                tokens_document(look.pool, look.detailed),
                json_dumps_params={"ensure_ascii": False},
            )
        case "login first":
            return JsonResponse({"error": _("Log in to see this.")}, status=401)
        case "database away":
            return JsonResponse(
                {"error": _("The database cannot be reached")}, status=503
            )


@require_safe
@private
async def livez(request: HttpRequest) -> JsonResponse:
    """Asks for nothing: whether the process turns its loop."""
    return JsonResponse({"status": "ok"})


@require_safe
@private
async def readyz(request: HttpRequest) -> JsonResponse:
    """A pool that is dry is no reason: it answers for itself."""
    if draining.has_begun():
        return JsonResponse({"status": "draining"}, status=503)
    try:
        async with asyncio.timeout(READY_WITHIN):
            usable = await in_database(usable_accounts)()
    except (DatabaseError, TimeoutError) as error:
        logger.error("not ready: database: %s", type(error).__name__)
        return JsonResponse({"status": "database away"}, status=503)
    return JsonResponse({"status": "ok", "usable_accounts": usable})


async def _look(request: HttpRequest) -> Look | NoLook:
    try:
        return await in_database(_look_in_database)(request)
    except DatabaseError as error:
        logger.error("no look at the pool: database: %s", type(error).__name__)
        return "database away"


def _look_in_database(request: HttpRequest) -> Look | Literal["login first"]:
    """The session is read here, too."""
    sight = sight_of(request.user)
    if settings.DASHBOARD_LOGIN_REQUIRED and sight.person is None:
        return "login first"
    return Look(pool_status(), sight, today() if sight.everybody else None)
