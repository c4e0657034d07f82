"""Google and GitHub: a device code, or an address that the person pastes.

The second way is PKCE with a redirect to a port of the person's own machine. Nobody
listens there: the browser cannot show the page, but its address line has the code,
and the person brings it here. So neither needs the two machines to be the same.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from django.conf import settings
from django.utils import timezone

from accounts.answers import TOKEN
from accounts.login import Tokens
from accounts.regions import DEFAULT_REGION
from accounts.signin import answers
from accounts.signin.answers import Device, NotSignedIn
from accounts.signin.post import address, post

# The service knows its public clients by name, and this is the one it has for
# programs without a browser.
CLIENT_ID = "kiro-cli"

SIGN_IN_PAGE = "https://app.kiro.dev/signin"
# The service allows a few ports; this is the first of them.
REDIRECT_URI = "http://localhost:3128"
CALLBACKS = ("/oauth/callback", "/signin/callback")
LOGIN_OPTIONS = ("google", "github")
LONGEST_ADDRESS = 8000


async def start_device(provider: str, proxy_url: str) -> Device:
    """Raises NotSignedIn."""
    answer = await post(
        f"{_service()}/oauth/device/authorization",
        {"clientId": CLIENT_ID, "loginProvider": provider},
        proxy_url,
    )
    return answers.read_device(answer, timezone.now())


async def ask(device_code: str, proxy_url: str) -> Tokens:
    """Raises NotSignedIn."""
    answer = await post(
        f"{_service()}/oauth/device/poll",
        {"clientId": CLIENT_ID, "deviceCode": device_code},
        proxy_url,
    )
    return answers.read_tokens(answer, timezone.now())


@dataclass(frozen=True, slots=True)
class Errand:
    """What the person's browser is sent with; the verifier stays here."""

    state: str
    verifier: str = field(repr=False)
    link: str


def new_errand() -> Errand:
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "redirect_uri": REDIRECT_URI,
        "redirect_from": "kirocli",
    }
    return Errand(state, verifier, f"{SIGN_IN_PAGE}?{urlencode(query)}")


class WrongAddress(ValueError):
    """What was pasted is not where this sign-in ends; the text says why."""


@dataclass(frozen=True, slots=True)
class Returned:
    code: str = field(repr=False)
    redirect_uri: str


def read_address(text: str, state: str) -> Returned:
    """The address on which the browser ended. Raises WrongAddress; NotSignedIn when
    it says that the person was refused."""
    text = text.strip()
    if text.startswith("localhost:"):  # as some browsers show it
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
    except ValueError:
        raise WrongAddress("other") from None
    origin = f"{parts.scheme}://{parts.netloc}"
    if origin != REDIRECT_URI or parts.path not in CALLBACKS:
        raise WrongAddress("other")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if not secrets.compare_digest(
        query.get("state", "").encode(errors="replace"), state.encode()
    ):
        raise WrongAddress("state")
    if "error" in query:
        raise NotSignedIn("denied")
    option = query.get("login_option", "")
    if option not in LOGIN_OPTIONS:
        raise WrongAddress("option")
    code = query.get("code", "")
    if not TOKEN.fullmatch(code):
        raise WrongAddress("other")
    redirect_uri = f"{REDIRECT_URI}{parts.path}?login_option={option}"
    return Returned(code, redirect_uri)


async def redeem(returned: Returned, verifier: str, proxy_url: str) -> Tokens:
    """Raises NotSignedIn."""
    answer = await post(
        f"{_service()}/oauth/token",
        {
            "code": returned.code,
            "code_verifier": verifier,
            "redirect_uri": returned.redirect_uri,
        },
        proxy_url,
    )
    return answers.read_tokens(answer, timezone.now())


def _service() -> str:
    # Only this region is known to have one.
    return address(settings.KIRO_AUTH_URL, DEFAULT_REGION)
