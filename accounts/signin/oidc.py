"""Builder ID and organisations: a device code from AWS SSO OIDC.

RegisterClient, StartDeviceAuthorization, then CreateToken until the person has
confirmed the code. The tokens are bound to the registration: whoever keeps them
keeps it too.
"""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone

from accounts.login import Tokens
from accounts.signin import answers
from accounts.signin.answers import Device, Registration
from accounts.signin.post import address, post

CLIENT_NAME = "kiro2api"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SCOPES = (
    "codewhisperer:completions",
    "codewhisperer:analysis",
    "codewhisperer:conversations",
)


async def register(region: str, start_url: str, proxy_url: str) -> Registration:
    """Raises NotSignedIn."""
    answer = await post(
        f"{address(settings.KIRO_OIDC_URL, region)}/client/register",
        {
            "clientName": CLIENT_NAME,
            "clientType": "public",
            "scopes": SCOPES,
            "grantTypes": [DEVICE_GRANT, "refresh_token"],
            "issuerUrl": start_url,
        },
        proxy_url,
    )
    return answers.read_registration(answer)


async def start_device(
    registration: Registration, region: str, start_url: str, proxy_url: str
) -> Device:
    """Raises NotSignedIn."""
    answer = await post(
        f"{address(settings.KIRO_OIDC_URL, region)}/device_authorization",
        {
            "clientId": registration.client_id,
            "clientSecret": registration.client_secret,
            "startUrl": start_url,
        },
        proxy_url,
    )
    return answers.read_device(answer, timezone.now())


async def ask(
    client_id: str, client_secret: str, device_code: str, region: str, proxy_url: str
) -> Tokens:
    """Raises NotSignedIn."""
    answer = await post(
        f"{address(settings.KIRO_OIDC_URL, region)}/token",
        {
            "clientId": client_id,
            "clientSecret": client_secret,
            "grantType": DEVICE_GRANT,
            "deviceCode": device_code,
        },
        proxy_url,
    )
    return answers.read_tokens(answer, timezone.now())
