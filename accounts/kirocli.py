"""Reads the logins out of kiro-cli's database, `data.sqlite3`.

Two tables of names and JSON: `auth_kv` has the tokens and the client registration,
`state` the profile that was chosen. The file may come from anywhere, so it is only
ever read, under limits on what it may make SQLite do.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

Json: TypeAlias = Mapping[str, object]

MARK = b"SQLite format 3\x00"
NOT_READABLE = "kiro-cli's database cannot be read"

# Older versions have the second of two names. As kiro-cli prefers its logins.
EXTERNAL = ("kirocli:external-idp:token",)
OIDC = ("kirocli:odic:token", "codewhisperer:odic:token")
REGISTRATION = (
    "kirocli:odic:device-registration",
    "codewhisperer:odic:device-registration",
)
SOCIAL = ("kirocli:social:token",)
PROFILE = "api.codewhisperer.profile"

LARGEST_VALUE = 1024 * 1024
# Of SQLite's machine; to read some rows takes a few hundred.
MOST_STEPS = 1_000_000

# Bytes 18 and 19 say who may read and write it; 2 means with a second file beside it.
JOURNAL_MODE = slice(18, 20)

# Their names: as the IDE's files have it.
KEYS = {
    "refresh_token": "refreshToken",
    "profile_arn": "profileArn",
    "provider": "provider",
    "region": "region",
    "start_url": "startUrl",
    "scopes": "scopes",
    "client_id": "clientId",
    "client_secret": "clientSecret",
    "client_secret_expires_at": "clientSecretExpiresAt",
    "token_endpoint": "tokenEndpoint",
}


class NotReadable(ValueError):
    pass


def read_logins(source: Path | bytes) -> list[dict[str, object]]:
    """Each as an object with the keys of the IDE's files. Raises NotReadable."""
    try:
        with closing(_open(source)) as database:
            auth = _table(database, "auth_kv")
            state = _table(database, "state")
    except (sqlite3.Error, OSError, ValueError, OverflowError):
        raise NotReadable(NOT_READABLE) from None
    return list(_logins(auth, state))


def _open(source: Path | bytes) -> sqlite3.Connection:
    if isinstance(source, bytes):
        if not source.startswith(MARK):
            raise NotReadable(NOT_READABLE)
        database = sqlite3.connect(":memory:")
        content = bytearray(source)
        content[JOURNAL_MODE] = b"\x01\x01"
        database.deserialize(bytes(content))
    else:
        database = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_VALUE)
    database.execute("PRAGMA query_only = ON")
    database.execute("PRAGMA trusted_schema = OFF")
    database.set_progress_handler(lambda: 1, MOST_STEPS)
    return database


def _table(database: sqlite3.Connection, name: str) -> dict[str, Json]:
    """The rows that hold JSON objects, by key; a view is no table."""
    kinds = database.execute(
        "SELECT type FROM sqlite_master WHERE name = ?", (name,)
    ).fetchone()
    if kinds != ("table",):
        return {}
    wanted = (*EXTERNAL, *OIDC, *REGISTRATION, *SOCIAL, PROFILE)
    marks = ", ".join("?" * len(wanted))
    rows = database.execute(
        f"SELECT key, value FROM {name} WHERE key IN ({marks}) LIMIT 100", wanted
    )
    return {key: value for key, text in rows if (value := _object(text))}


def _object(text: object) -> Json:
    if not isinstance(text, str | bytes):
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _logins(
    auth: Mapping[str, Json], state: Mapping[str, Json]
) -> Iterator[dict[str, object]]:
    registration = _first(auth, REGISTRATION)
    # The one that was chosen belongs to the login that is preferred, and only
    # organisations have several to choose from.
    chosen = state.get(PROFILE, {}).get("arn")
    for names, method in ((EXTERNAL, "external_idp"), (OIDC, "idc")):
        if token := _first(auth, names):
            client = registration if method == "idc" else {}
            login = _renamed(client | token) | {"authMethod": method}
            if chosen and _has_profile(login):
                login.setdefault("profileArn", chosen)
            chosen = None
            yield login
    if token := _first(auth, SOCIAL):
        yield _renamed(token) | {"authMethod": "social"}


def _has_profile(login: Json) -> bool:
    start_url = login.get("startUrl")
    return not (isinstance(start_url, str) and "view.awsapps.com" in start_url)


def _first(auth: Mapping[str, Json], names: tuple[str, ...]) -> dict[str, object]:
    return next((dict(auth[name]) for name in names if name in auth), {})


def _renamed(item: Json) -> dict[str, object]:
    return {KEYS[name]: value for name, value in item.items() if name in KEYS}
