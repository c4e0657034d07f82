"""Reads the credential files people have: text in, entries and named faults out.

- kiro2api's KIRO_AUTH_TOKEN: an array of objects, or one object
- the IDE's `kiro-auth-token.json`, alone or followed by its registration file
  (the one in the same folder that its `clientIdHash` names)
- `credentials.json` of kiro.rs and files of the same keys

An entry that cannot be used is a Fault and does not keep the others back. Faults
never quote a value: it may be a secret in the wrong place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from accounts import regions
from accounts.outcomes import Kind

Json: TypeAlias = Mapping[str, object]

LARGEST_FILE = 10 * 1024 * 1024
LONGEST_NAME = 100

# What a token or client secret may consist of: printable ASCII without spaces.
SECRET = re.compile(r"[\x21-\x7e]{1,16384}")

KINDS: dict[str, Kind] = {
    "social": "social",
    "google": "social",
    "github": "social",
    "idc": "idc",
    "iam": "idc",
    "builder-id": "idc",
    "builderid": "idc",
    "enterprise": "idc",
    "internal": "idc",
}
UNSUPPORTED_KINDS = ("external_idp", "externalidp", "api_key")


class NotJson(ValueError):
    """The text is not JSON; says where, by line and column."""


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


@dataclass(frozen=True, slots=True)
class Fault:
    index: int
    """Counted from 1, as people count."""
    fault: str

    def __str__(self) -> str:
        return f"entry {self.index}: {self.fault}"


@dataclass(frozen=True, slots=True)
class Found:
    entries: list[Entry]
    faults: list[Fault]


class _Unusable(ValueError):
    pass


def read_entries(text: str) -> Found:
    """Raises NotJson."""
    objects = _objects(text)
    registrations = [o for o in objects if isinstance(o, dict) and _registers(o)]
    # With several, nobody can say which belongs to whom.
    registration = registrations[0] if len(registrations) == 1 else None
    entries, faults = [], []
    candidates = [o for o in objects if registration is None or o is not registration]
    for index, candidate in enumerate(candidates, start=1):
        try:
            entries.append(_read(candidate, registration))
        except _Unusable as fault:
            faults.append(Fault(index, str(fault)))
    return Found(entries, faults)


def _objects(text: str) -> list[object]:
    """The items of all documents in the text, which may follow one another."""
    if len(text) > LARGEST_FILE:
        raise NotJson(f"larger than {LARGEST_FILE // 2**20} MiB")
    decoder, items, position = json.JSONDecoder(), list[object](), 0
    text = text.removeprefix("\ufeff").rstrip()
    while (position := _skip_space(text, position)) < len(text):
        try:
            document, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise NotJson(
                f"{error.msg} at line {error.lineno}, column {error.colno}"
            ) from None
        except (ValueError, RecursionError):
            raise NotJson("a number too long or nested too deep") from None
        items += document if isinstance(document, list) else [document]
    return items


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _registers(item: Json) -> bool:
    return "clientSecret" in item and "refreshToken" not in item


def _read(item: object, registration: Json | None) -> Entry:
    if not isinstance(item, dict):
        raise _Unusable("not an object")
    refresh_token = _secret(item, "refreshToken")
    if not refresh_token:
        raise _Unusable("refreshToken is missing")
    if refresh_token.endswith("..."):
        raise _Unusable("refreshToken is cut off")
    client: Json = item
    if registration is not None and "clientIdHash" in item and "clientId" not in item:
        client = registration
    client_id = _secret(client, "clientId")
    client_secret = _secret(client, "clientSecret")
    kind = _kind(item, has_client=bool(client_id and client_secret))
    if kind == "idc" and not (client_id and client_secret):
        raise _Unusable("IdC needs clientId and clientSecret")
    entry = Entry(
        kind=kind,
        refresh_token=refresh_token,
        name=_name(item),
        region=_region(item),
        profile_arn=_profile_arn(item),
        enabled=item.get("disabled") is not True,
    )
    if kind == "social":
        return entry
    return replace(entry, client_id=client_id, client_secret=client_secret)


def _kind(item: Json, has_client: bool) -> Kind:
    named = (_text(item, "auth") or _text(item, "authMethod")).lower()
    if not named:
        return "idc" if has_client else "social"
    if named in UNSUPPORTED_KINDS:
        raise _Unusable("accounts of this kind are not supported")
    if named not in KINDS:
        raise _Unusable("auth is neither Social nor IdC")
    return KINDS[named]


def _name(item: Json) -> str:
    name = _text(item, "description") or _text(item, "name") or _text(item, "email")
    return " ".join(name.split())[:LONGEST_NAME]


def _region(item: Json) -> str:
    """Of the sign-in service: files of other programs keep it apart."""
    for key in ("authRegion", "idcRegion", "region"):
        if region := _text(item, key):
            if not regions.is_region(region):
                raise _Unusable(f"{key} is not a region")
            return region
    return regions.DEFAULT_REGION


def _profile_arn(item: Json) -> str:
    arn = _text(item, "profileArn")
    if arn and not regions.is_profile_arn(arn):
        raise _Unusable("profileArn is not the ARN of a profile")
    return arn


def _secret(item: Json, key: str) -> str:
    value = _text(item, key)
    if value and not SECRET.fullmatch(value):
        raise _Unusable(f"{key} holds characters that it cannot have")
    return value


def _text(item: Json, key: str) -> str:
    value = item.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Unusable(f"{key} is not text")
    return value.strip()
