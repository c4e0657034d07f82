"""Reads one account as a credential file describes it: an object in, an Entry out.

The keys are those of kiro2api's KIRO_AUTH_TOKEN, of the IDE's token file and of
kiro.rs's credentials.json, which hardly differ where they mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeAlias

from accounts import addresses, regions
from accounts.outcomes import Endpoint, Kind

Json: TypeAlias = Mapping[str, object]

LONGEST_NAME = 100
LONGEST_SCOPES = 500

# What a token or client secret may consist of: printable ASCII without spaces.
SECRET = re.compile(r"[\x21-\x7e]{1,16384}")
START_URL = re.compile(r"https://[\x21-\x7e]{1,190}")

KINDS: dict[str, Kind] = {
    "social": "social",
    "google": "social",
    "github": "social",
    "idc": "idc",
    "iam": "idc",
    "enterprise": "idc",
    "internal": "idc",
    "builder-id": "builder_id",
    "builderid": "builder_id",
    "builder_id": "builder_id",
    "api_key": "api_key",
    "apikey": "api_key",
    "external_idp": "external_idp",
    "externalidp": "external_idp",
}
ENDPOINTS: dict[str, Endpoint] = {
    "": "q",
    "q": "q",
    "runtime": "runtime",
    # kiro.rs tells two clients apart by these; both speak to the q hosts.
    "ide": "q",
    "cli": "q",
}
# kiro.rs's word for an account that goes past the proxy of the others.
NO_PROXY = "direct"


@dataclass(frozen=True, slots=True)
class Entry:
    """One account as imported; an empty name is for the importer to fill in."""

    kind: Kind
    refresh_token: str = field(repr=False)
    client_id: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)
    name: str = ""
    region: str = regions.DEFAULT_REGION
    profile_arn: str = ""
    enabled: bool = True
    api_key: str = field(default="", repr=False)
    token_endpoint: str = ""
    scopes: str = ""
    start_url: str = ""
    registration_expires_at: datetime | None = None
    endpoint: Endpoint = "q"
    proxy_url: str = field(default="", repr=False)
    priority: int = 0
    """Lower ones are used first; those of one file that are equal, as they stand."""
    index: int = field(default=0, compare=False)
    """Its place in the file, counted from 1."""

    @property
    def secret(self) -> str:
        """By this an account is known again."""
        return self.refresh_token or self.api_key


class Unusable(ValueError):
    """Says what is wrong with an entry; never quotes a value of it."""


def registers(item: Json) -> bool:
    """It is a client registration, which the IDE keeps in a file of its own."""
    return "clientSecret" in item and "refreshToken" not in item


def read_entry(item: object, registration: Json | None = None) -> Entry:
    """`registration` is for an item that names one. Raises Unusable."""
    if not isinstance(item, dict):
        raise Unusable("not an object")
    client: Json = item
    if registration is not None and "clientIdHash" in item and "clientId" not in item:
        client = registration
    kind = _kind(item, client)
    entry = Entry(
        kind=kind,
        refresh_token="",
        name=_name(item),
        region=_region(item, kind),
        profile_arn=_profile_arn(item),
        enabled=item.get("disabled") is not True,
        endpoint=_endpoint(item),
        proxy_url=_proxy_url(item),
        priority=_priority(item),
    )
    match kind:
        case "api_key":
            return _with_api_key(entry, item)
        case "social":
            return replace(entry, refresh_token=_refresh_token(item))
        case "idc" | "builder_id":
            return _with_client(entry, item, client)
        case "external_idp":
            return _with_identity_provider(entry, item)


def _with_api_key(entry: Entry, item: Json) -> Entry:
    api_key = _secret(item, "kiroApiKey")
    if not api_key:
        raise Unusable("kiroApiKey is missing")
    if entry.endpoint == "runtime" and not entry.profile_arn:
        raise Unusable("with an API key the runtime endpoint needs profileArn")
    return replace(entry, api_key=api_key)


def _with_client(entry: Entry, item: Json, client: Json) -> Entry:
    refresh_token = _refresh_token(item)
    client_id, client_secret = _client(client)
    if not (client_id and client_secret):
        raise Unusable("IdC needs clientId and clientSecret")
    start_url = _text(item, "startUrl")
    if start_url and not START_URL.fullmatch(start_url):
        raise Unusable("startUrl is not an https address")
    if entry.kind == "builder_id":
        start_url = regions.BUILDER_ID_START
    return replace(
        entry,
        refresh_token=refresh_token,
        client_id=client_id,
        client_secret=client_secret,
        start_url=start_url,
        registration_expires_at=_registration_end(item, client),
    )


def _with_identity_provider(entry: Entry, item: Json) -> Entry:
    refresh_token = _refresh_token(item)
    client_id = _secret(item, "clientId")
    token_endpoint = _text(item, "tokenEndpoint")
    if not (client_id and token_endpoint):
        raise Unusable("an external login needs clientId and tokenEndpoint")
    if not addresses.is_token_endpoint(token_endpoint):
        raise Unusable("tokenEndpoint is not an https address")
    return replace(
        entry,
        refresh_token=refresh_token,
        client_id=client_id,
        token_endpoint=token_endpoint,
        scopes=_scopes(item),
    )


def _refresh_token(item: Json) -> str:
    refresh_token = _secret(item, "refreshToken")
    if not refresh_token:
        raise Unusable("refreshToken is missing")
    if refresh_token.endswith("..."):
        raise Unusable("refreshToken is cut off")
    return refresh_token


def _client(item: Json) -> tuple[str, str]:
    return _secret(item, "clientId"), _secret(item, "clientSecret")


def _kind(item: Json, client: Json) -> Kind:
    named = (_text(item, "auth") or _text(item, "authMethod")).lower()
    if not named:
        named = _unnamed_kind(item, client)
    if named not in KINDS:
        raise Unusable("auth is neither Social nor IdC")
    kind = KINDS[named]
    if kind == "idc" and (
        _text(item, "provider").lower() == "builderid"
        or _text(item, "startUrl").rstrip("/") == regions.BUILDER_ID_START
    ):
        return "builder_id"
    if kind == "builder_id" and _named_region(item) != regions.DEFAULT_REGION:
        return "idc"  # an organisation's: Builder ID has one region
    return kind


def _unnamed_kind(item: Json, client: Json) -> Kind:
    if _text(item, "kiroApiKey") and not _text(item, "refreshToken"):
        return "api_key"
    if _text(item, "tokenEndpoint"):
        return "external_idp"
    return "idc" if all(_client(client)) else "social"


def _name(item: Json) -> str:
    name = _text(item, "description") or _text(item, "name") or _text(item, "email")
    return " ".join(name.split())[:LONGEST_NAME]


def _region(item: Json, kind: Kind) -> str:
    """Of the sign-in service; an API key has none, and the region is its calls'."""
    if kind == "api_key" and (region := _checked_region(item, "apiRegion")):
        return region
    return _named_region(item)


def _named_region(item: Json) -> str:
    """Files of other programs keep the sign-in service's apart."""
    named = (_checked_region(item, k) for k in ("authRegion", "idcRegion", "region"))
    return next(filter(None, named), regions.DEFAULT_REGION)


def _checked_region(item: Json, key: str) -> str:
    region = _text(item, key)
    if region and not regions.is_region(region):
        raise Unusable(f"{key} is not a region")
    return region


def _profile_arn(item: Json) -> str:
    arn = _text(item, "profileArn")
    if arn and not regions.is_profile_arn(arn):
        raise Unusable("profileArn is not the ARN of a profile")
    return arn


def _endpoint(item: Json) -> Endpoint:
    named = _text(item, "endpoint").lower()
    if named not in ENDPOINTS:
        raise Unusable("endpoint is neither q nor runtime")
    return ENDPOINTS[named]


def _proxy_url(item: Json) -> str:
    url = _text(item, "proxyUrl")
    if not url or url.lower() == NO_PROXY:
        return ""
    login = _text(item, "proxyUsername"), _text(item, "proxyPassword")
    url = addresses.with_login(url, *login)
    if not addresses.is_proxy_url(url):
        raise Unusable("proxyUrl is not the address of an http, https or socks5 proxy")
    return url


def _priority(item: Json) -> int:
    value = item.get("priority")
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and isinstance(value, int) else 0


def _scopes(item: Json) -> str:
    """A text, or a list of them."""
    value = item.get("scopes")
    listed = value if isinstance(value, list) else [value]
    texts = [scope for scope in listed if isinstance(scope, str)]
    scopes = " ".join(" ".join(texts).split())
    if len(scopes) > LONGEST_SCOPES:
        raise Unusable("scopes are longer than any real ones")
    return scopes


def _registration_end(item: Json, client: Json) -> datetime | None:
    """In a registration of its own `expiresAt`; in a token's entry that is the
    access token's."""
    for moment in (
        item.get("clientSecretExpiresAt"),
        client.get("clientSecretExpiresAt"),
        client.get("expiresAt") if client is not item else None,
    ):
        if (read := _moment(moment)) is not None:
            return read
    return None


def _moment(value: object) -> datetime | None:
    """ISO 8601, in UTC unless it says otherwise; or epoch seconds."""
    try:
        match value:
            case bool() | None:
                return None
            case int() | float():
                return datetime.fromtimestamp(value, UTC)
            case str():
                moment = datetime.fromisoformat(value)
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _secret(item: Json, key: str) -> str:
    value = _text(item, key)
    if value and not SECRET.fullmatch(value):
        raise Unusable(f"{key} holds characters that it cannot have")
    return value


def _text(item: Json, key: str) -> str:
    value = item.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unusable(f"{key} is not text")
    return value.strip()
