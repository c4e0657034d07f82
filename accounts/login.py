"""What keeps an account signed in: what a refresh needs, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from accounts.outcomes import Kind


@dataclass(frozen=True, slots=True)
class Login:
    kind: Kind
    refresh_token: str = field(repr=False)
    client_id: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)
    region: str = "us-east-1"
    """Of the sign-in service; IdC only."""
    token_endpoint: str = ""
    """Of an external identity provider."""
    scopes: str = ""
    registration_expires_at: datetime | None = None
    """When the client id and secret of IdC and Builder ID end."""
    proxy_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    access_token: str = field(repr=False)
    expires_at: datetime
    refresh_token: str = field(default="", repr=False)
    """Empty: the old one stays good. Else the old one is dead."""
    profile_arn: str = ""
