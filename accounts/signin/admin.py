"""The pages of a sign-in: choose how, wait for it, see what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from unfold.decorators import action

from accounts.models import Account, SignIn
from accounts.signin import flow, shown, words
from accounts.signin.answers import NotSignedIn
from accounts.signin.begin import Wish, begin
from accounts.signin.forms import PASTE, WAYS, PasteForm, StartForm
from accounts.signin.rows import SECRETS, TooMany
from accounts.signin.social import WrongAddress
from kiro2api import http
from kiro2api.encryption import SecretUnreadable

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Base = ModelAdmin[Account]
else:
    Base = object

NEW = "admin:accounts_account_sign_in"
AGAIN = "admin:accounts_account_sign_in_again"
PAGE = "admin:accounts_account_sign_in_page"
LOOK = "admin:accounts_account_sign_in_look"


class SignInPages(Base):
    """For AccountAdmin: "Sign in to Kiro" above the list, "Sign in again" above an
    account, and the pages behind them."""

    def get_urls(self) -> list[URLPattern]:
        own = [
            ("sign-in/<uuid:sign_in_id>/", self.sign_in_page, PAGE),
            ("sign-in/<uuid:sign_in_id>/look/", self.sign_in_look, LOOK),
        ]
        pages = [
            path(route, self.admin_site.admin_view(view), name=name.partition(":")[2])
            for route, view, name in own
        ]
        return [*pages, *super().get_urls()]

    @action(  # type: ignore[untyped-decorator]
        description=gettext_lazy("Sign in to Kiro"),
        permissions=["add"],
        url_path="sign-in",
        icon="login",
    )
    def sign_in(self, request: HttpRequest) -> HttpResponse:
        return self._start(request, None)

    @action(  # type: ignore[untyped-decorator]
        description=gettext_lazy("Sign in again"),
        permissions=["change"],
        url_path="sign-in",
        icon="login",
    )
    def sign_in_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        account = self.get_object(request, object_id)
        if account is None:
            raise Http404
        return self._start(request, account)

    def _start(self, request: HttpRequest, account: Account | None) -> HttpResponse:
        choice = shown.first_choice(account)
        form = StartForm(request.POST.dict() or None, initial=choice)
        if form.is_valid():
            try:
                sign_in = _begin(_person(request), account, form.cleaned_data)
                return redirect(PAGE, sign_in_id=sign_in.pk)
            except NotSignedIn as error:
                if error.region:
                    form.data = {**form.data, "region": error.region}
                form.add_error(None, words.trouble(error.why, error.region))
            except SecretUnreadable:
                form.add_error(None, words.trouble("proxy_unreadable"))
            except TooMany:
                form.add_error(None, words.trouble("too_many"))
        return self._render(request, "start", account, form=form, ways=WAYS)

    @method_decorator(sensitive_post_parameters())
    def sign_in_page(self, request: HttpRequest, sign_in_id: UUID) -> HttpResponse:
        sign_in = self._own(request, sign_in_id)
        pasted = PasteForm(request.POST or None)
        if pasted.is_valid():
            address = pasted.cleaned_data["address"]
            try:
                http.run(lambda: flow.finish_pasted(sign_in_id, address))
                return redirect(PAGE, sign_in_id=sign_in_id)
            except WrongAddress as error:
                pasted.add_error("address", words.PASTED[str(error)])
            except NotSignedIn as error:
                pasted.add_error("address", words.trouble(error.why))
        account = Account.objects.filter(pk=sign_in.account_id or 0).first()
        more: dict[str, Any] = {
            "sign_in": sign_in,
            "stamp": shown.stamp(sign_in),
            "start": reverse(AGAIN, args=[account.pk]) if account else reverse(NEW),
            "choice": shown.choice_of(sign_in),
        }
        match sign_in.state:
            case SignIn.State.WAITING:
                more["pasted"] = pasted
                more["seconds"] = shown.seconds_left(sign_in)
                more["standing"] = shown.standing(sign_in)
                more["paste_way"] = PASTE[0] if sign_in.provider else ""
            case SignIn.State.DONE:
                more |= shown.outcome(sign_in, account)
            case _:
                more["trouble"] = shown.trouble(sign_in)
        return self._render(request, sign_in.state, account, **more)

    @method_decorator(require_POST)
    def sign_in_look(self, request: HttpRequest, sign_in_id: UUID) -> HttpResponse:
        """What an open page asks every few seconds."""
        self._own(request, sign_in_id)
        http.run(lambda: flow.look(sign_in_id))
        if request.POST.get("stamp") == shown.stamp(self._own(request, sign_in_id)):
            return HttpResponse(status=204)
        return HttpResponse(headers={"HX-Refresh": "true"})

    def _own(self, request: HttpRequest, sign_in_id: UUID) -> SignIn:
        """Nobody else's, and without its secrets."""
        adds = self.has_add_permission(request)
        if not (adds or self.has_change_permission(request)):
            raise PermissionDenied
        rows = SignIn.objects.filter(pk=sign_in_id, begun_by=_person(request))
        sign_in = rows.defer(*SECRETS).first()
        if sign_in is None:
            raise Http404
        return sign_in

    def _render(
        self, request: HttpRequest, page: str, account: Account | None, **more: Any
    ) -> HttpResponse:
        title = _("Sign in to Kiro")
        if account is not None and page != SignIn.State.DONE:
            title = _("Sign in again: %(name)s") % {"name": account.name}
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": account,
            "title": title,
            "account": account,
            **more,
        }
        template = f"admin/accounts/signin/{page}.html"
        return TemplateResponse(request, template, context)


def _begin(person: User, account: Account | None, chosen: dict[str, Any]) -> SignIn:
    if account is not None:
        account = Account.objects.with_secrets("proxy_url").get(pk=account.pk)
    wish = Wish(
        way=chosen["way"],
        name=chosen["name"],
        region=chosen["region"],
        start_url=chosen["start_url"],
        account=account,
    )
    return http.run(lambda: begin(wish, person))


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin lets nobody else in
    return request.user
