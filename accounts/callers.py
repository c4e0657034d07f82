"""How a call to the service says whose it is, by the account's kind."""

from __future__ import annotations

from typing import Literal

from accounts.outcomes import Credential, Kind

Origin = Literal["AI_EDITOR", "KIRO_CLI"]

TOKEN_TYPES: dict[Kind, str] = {
    "api_key": "API_KEY",
    "external_idp": "EXTERNAL_IDP",
}


def headers(credential: Credential) -> dict[str, str]:
    bearer = {"authorization": f"Bearer {credential.access_token}"}
    token_type = TOKEN_TYPES.get(credential.kind)
    return bearer | ({"tokentype": token_type} if token_type else {})


def origin(credential: Credential) -> Origin:
    return "KIRO_CLI" if credential.kind == "api_key" else "AI_EDITOR"


def control_profile(credential: Credential) -> str:
    """The profile to name on the q hosts, which take an API key without one."""
    return "" if credential.kind == "api_key" else credential.profile_arn


def data_profile(credential: Credential) -> str:
    """The profile to name where replies come from: the runtime hosts demand one of
    everybody."""
    runtime = credential.endpoint == "runtime"
    return credential.profile_arn if runtime else control_profile(credential)
