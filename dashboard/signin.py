"""In and out, for people of the admin and for those who have none of it."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponseBase

from dashboard.pages import page

_login = LoginView.as_view(
    template_name="dashboard/login.html", redirect_authenticated_user=True
)
_logout = LogoutView.as_view(next_page="dashboard:index")


@page
def login(request: HttpRequest) -> HttpResponseBase:
    response = _login(request)
    # Here, where there is a database: the page says who is logged in.
    return response.render() if hasattr(response, "render") else response


@page
def logout(request: HttpRequest) -> HttpResponseBase:
    return _logout(request)
