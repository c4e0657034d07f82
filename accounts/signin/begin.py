"""How a sign-in begins: the service is asked for a code, or a link is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, assert_never

from django.contrib.auth.models import User
from django.utils import timezone

from accounts.models import Account, SignIn
from accounts.regions import BUILDER_ID_START, DEFAULT_REGION
from accounts.signin import oidc, rows, social
from accounts.signin.answers import Device

Way = Literal["builder_id", "idc", "google", "github", "paste"]

PASTE_WITHIN = timedelta(minutes=10)
PROVIDERS = {"google": "Google", "github": "Github"}


@dataclass(frozen=True, slots=True)
class Wish:
    way: Way
    name: str = ""
    """Of the new account; empty: it gets a number."""
    region: str = DEFAULT_REGION
    start_url: str = ""
    account: Account | None = None
    """The one to sign in again, read with its `proxy_url`."""


async def begin(wish: Wish, person: User) -> SignIn:
    """Raises NotSignedIn or TooMany."""
    await rows.check_count(person)
    sign_in = SignIn(
        account=wish.account,
        name=wish.name,
        begun_by=person,
        proxy_url=wish.account.proxy_url if wish.account else "",
    )
    match wish.way:
        case "builder_id":
            sign_in.kind = Account.Kinds.BUILDER_ID
            sign_in.start_url = BUILDER_ID_START
            await _begin_oidc(sign_in)
        case "idc":
            sign_in.kind = Account.Kinds.IDC
            sign_in.region, sign_in.start_url = wish.region, wish.start_url
            await _begin_oidc(sign_in)
        case "google" | "github":
            sign_in.kind = Account.Kinds.SOCIAL
            sign_in.provider = PROVIDERS[wish.way]
            await _begin_social(sign_in)
        case "paste":
            sign_in.kind = Account.Kinds.SOCIAL
            errand = social.new_errand()
            sign_in.nonce, sign_in.code_verifier = errand.state, errand.verifier
            sign_in.link = errand.link
            sign_in.expires_at = timezone.now() + PASTE_WITHIN
        case _:
            assert_never(wish.way)
    await rows.save(sign_in)
    return sign_in


async def _begin_oidc(sign_in: SignIn) -> None:
    where = sign_in.region, sign_in.start_url, sign_in.proxy_url
    registration = await oidc.register(*where)
    sign_in.client_id = registration.client_id
    sign_in.client_secret = registration.client_secret
    sign_in.registration_expires_at = registration.expires_at
    _take(sign_in, await oidc.start_device(registration, *where))


async def _begin_social(sign_in: SignIn) -> None:
    _take(sign_in, await social.start_device(sign_in.provider, sign_in.proxy_url))


def _take(sign_in: SignIn, device: Device) -> None:
    sign_in.device_code = device.code
    sign_in.user_code = device.user_code
    sign_in.link = device.link
    sign_in.interval = device.interval
    sign_in.expires_at = device.expires_at
    # The service wants an interval of peace before the first question, too.
    sign_in.asked_at = timezone.now()
