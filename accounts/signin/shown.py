"""What the pages show of a sign-in. Rows come here without their secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from django.utils import timezone

from accounts.models import Account, SignIn
from accounts.regions import DEFAULT_REGION
from accounts.signin import words
from accounts.signin.begin import PROVIDERS
from accounts.signin.finish import WORKS

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

WAY_OF_PROVIDER = {provider: way for way, provider in PROVIDERS.items()}
WAY_OF_KIND = {"social": "google", "idc": "idc", "builder_id": "builder_id"}


def first_choice(account: Account | None) -> dict[str, str]:
    """What the form begins with: as the account signed in before."""
    if account is None:
        return {"way": "builder_id", "region": DEFAULT_REGION}
    return {
        "way": WAY_OF_KIND.get(account.kind, "builder_id"),
        "region": account.region,
        "start_url": account.start_url,
    }


def choice_of(sign_in: SignIn) -> dict[str, str]:
    """What the form was sent with, to send it once more."""
    way = WAY_OF_PROVIDER.get(sign_in.provider, sign_in.kind)
    return {
        "way": "paste" if way == Account.Kinds.SOCIAL else way,
        "name": sign_in.name,
        "region": sign_in.region,
        "start_url": sign_in.start_url,
    }


def stamp(sign_in: SignIn) -> str:
    """An open page has the one it was made with; when that is no longer so, it loads
    again."""
    return f"{sign_in.state} {sign_in.told}"


def seconds_left(sign_in: SignIn) -> int:
    left = sign_in.expires_at - timezone.now()
    return max(0, round(left.total_seconds()))


def standing(sign_in: SignIn) -> StrOrPromise:
    """Of one that waits."""
    return words.WAITING[sign_in.told]


def trouble(sign_in: SignIn) -> str:
    """Of one that failed."""
    why, _colon, detail = sign_in.told.partition(":")
    return words.trouble(why, detail)


class Outcome(TypedDict, total=False):
    asking: bool
    """The service is still being asked whether the account works."""
    works: bool
    left: str
    limit: str
    twin: Account | None
    """Another account of the same person: it is in the pool twice."""


def outcome(sign_in: SignIn, account: Account | None) -> Outcome:
    """Of one that is done."""
    found: Outcome = {
        "asking": not sign_in.told and seconds_left(sign_in) > 0,
        "works": sign_in.told == WORKS,
    }
    if account is None or not found["works"]:
        return found
    if account.credits_limit is not None and account.available is not None:
        found["left"] = f"{account.available:,.0f}"
        found["limit"] = f"{account.credits_limit:,.0f}"
    if account.email:
        same = Account.objects.filter(email=account.email, kind=account.kind)
        found["twin"] = same.exclude(pk=account.pk).first()
    return found
