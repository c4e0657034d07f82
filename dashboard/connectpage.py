"""The page with settings for clients, ready to be copied."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboard.clientsettings import client_settings
from dashboard.pages import page as in_page


@require_safe
@in_page
def page(request: HttpRequest) -> HttpResponse:
    if settings.DASHBOARD_LOGIN_REQUIRED and not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    address = request.build_absolute_uri(reverse("dashboard:index")).rstrip("/")
    clients = client_settings(address, _("your-client-key"))
    return render(request, "dashboard/connect.html", {"clients": clients})
