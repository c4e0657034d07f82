"""kiro-cli's database, as it lies on a disk and as it is uploaded."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from accounts.importers import Entry, is_sqlite, read_sqlite

ARN = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"
OTHER_ARN = "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK"

SOCIAL = {
    "access_token": "aoa",
    "expires_at": "2026-04-10T12:00:00.123456789Z",
    "refresh_token": "aor-social",
    "provider": "google",
    "profile_arn": OTHER_ARN,
}
OIDC = {
    "access_token": "aoa",
    "expires_at": "2026-04-10T12:00:00.123456789Z",
    "refresh_token": "aor-oidc",
    "region": "eu-west-1",
    "start_url": "https://acme.awsapps.com/start",
    "oauth_flow": "DeviceCode",
    "scopes": ["codewhisperer:completions"],
}
BUILDER_ID = OIDC | {
    "region": "us-east-1",
    "start_url": "https://view.awsapps.com/start",
}
REGISTRATION = {
    "client_id": "client",
    "client_secret": "secret",
    "client_secret_expires_at": "2026-06-10T12:00:00.123456789Z",
    "region": "eu-west-1",
    "oauth_flow": "DeviceCode",
}
EXTERNAL = {
    "access_token": "eyJ",
    "refresh_token": "aor-external",
    "token_endpoint": "https://id.example.com/token",
    "client_id": "app",
    "scopes": ["api://x", "offline_access"],
}
PROFILE = {"arn": ARN, "profile_name": "acme"}

SOCIAL_ENTRY = Entry("social", "aor-social", profile_arn=OTHER_ARN)
OIDC_ENTRY = Entry(
    "idc",
    "aor-oidc",
    "client",
    "secret",
    region="eu-west-1",
    start_url="https://acme.awsapps.com/start",
    registration_expires_at=datetime(2026, 6, 10, 12, 0, 0, 123456, UTC),
)
EXTERNAL_ENTRY = Entry(
    "external_idp",
    "aor-external",
    "app",
    token_endpoint="https://id.example.com/token",
    scopes="api://x offline_access",
)


def database(path: Path, auth: dict[str, Any], profile: Any = None) -> Path:
    file = path / "data.sqlite3"
    with closing(sqlite3.connect(file)) as opened:
        opened.execute("CREATE TABLE auth_kv (key TEXT PRIMARY KEY, value TEXT)")
        opened.execute("CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB)")
        opened.execute("CREATE TABLE history (id INTEGER, command TEXT)")
        rows = [(f"kirocli:{key}", json.dumps(value)) for key, value in auth.items()]
        opened.executemany("INSERT INTO auth_kv VALUES (?, ?)", rows)
        if profile is not None:
            row = ("api.codewhisperer.profile", json.dumps(profile).encode())
            opened.execute("INSERT INTO state VALUES (?, ?)", row)
        opened.commit()
    return file


@pytest.mark.parametrize(
    ("auth", "profile", "entries"),
    [
        ({"social:token": SOCIAL}, None, [SOCIAL_ENTRY]),
        (
            {"odic:token": OIDC, "odic:device-registration": REGISTRATION},
            PROFILE,
            [replace(OIDC_ENTRY, profile_arn=ARN)],
        ),
        (
            {"odic:token": BUILDER_ID, "odic:device-registration": REGISTRATION},
            PROFILE,
            [
                replace(
                    OIDC_ENTRY,
                    kind="builder_id",
                    region="us-east-1",
                    start_url="https://view.awsapps.com/start",
                )
            ],
        ),
        ({"external-idp:token": EXTERNAL}, None, [EXTERNAL_ENTRY]),
        (
            {
                "social:token": SOCIAL,
                "odic:token": OIDC,
                "odic:device-registration": REGISTRATION,
                "external-idp:token": EXTERNAL,
            },
            PROFILE,
            [replace(EXTERNAL_ENTRY, profile_arn=ARN), OIDC_ENTRY, SOCIAL_ENTRY],
        ),
        ({"unknown": SOCIAL}, None, []),
    ],
)
def test_every_login_in_it_is_found(tmp_path, auth, profile, entries):
    file = database(tmp_path, auth, profile)
    for source in (file, file.read_bytes()):
        found = read_sqlite(source)
        assert found.entries == entries
        assert found.faults == []


def test_older_versions_have_other_names(tmp_path):
    file = database(tmp_path, {})
    with closing(sqlite3.connect(file)) as opened:
        for key, value in (("token", OIDC), ("device-registration", REGISTRATION)):
            row = (f"codewhisperer:odic:{key}", json.dumps(value))
            opened.execute("INSERT INTO auth_kv VALUES (?, ?)", row)
        opened.commit()
    assert read_sqlite(file).entries == [OIDC_ENTRY]


def test_what_a_running_kiro_cli_has_just_written_is_seen(tmp_path):
    """Until its next checkpoint it stands in a second file."""
    file = database(tmp_path, {})
    with closing(sqlite3.connect(file)) as running:
        running.execute("PRAGMA journal_mode=WAL")
        row = ("kirocli:social:token", json.dumps(SOCIAL))
        running.execute("INSERT INTO auth_kv VALUES (?, ?)", row)
        running.commit()
        assert read_sqlite(file).entries == [SOCIAL_ENTRY]
    assert read_sqlite(file.read_bytes()).entries == [SOCIAL_ENTRY]


def test_a_token_without_its_registration_is_a_fault(tmp_path):
    found = read_sqlite(database(tmp_path, {"odic:token": OIDC}))
    assert list(map(str, found.faults)) == [
        "entry 1: IdC needs clientId and clientSecret"
    ]


NOT_READ = ["entry 1: kiro-cli's database cannot be read"]


@pytest.mark.parametrize(
    "content",
    [
        b"SQLite format 3\x00",
        b"SQLite format 3\x00" + b"\xff" * 4096,
        b"",
        b'{"refreshToken": "hush"}',
    ],
)
def test_what_is_no_database_is_a_fault_and_not_quoted(content):
    assert list(map(str, read_sqlite(content).faults)) == NOT_READ


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path):
    file = tmp_path / "data.sqlite3"
    file.write_bytes(b"SQLite format 3\x00" + b"\xff" * 4096)
    for path in (file, tmp_path / "nowhere", tmp_path):
        assert list(map(str, read_sqlite(path).faults)) == NOT_READ
    assert [path.name for path in tmp_path.iterdir()] == ["data.sqlite3"]


def test_a_database_cannot_make_us_work_for_ever(tmp_path):
    file = tmp_path / "data.sqlite3"
    endless = (
        "CREATE VIEW auth_kv AS WITH RECURSIVE n(x) AS "
        "(SELECT 1 UNION ALL SELECT x + 1 FROM n) "
        "SELECT 'kirocli:social:token' AS key, x AS value FROM n"
    )
    with closing(sqlite3.connect(file)) as opened:
        opened.execute(endless)
        opened.commit()
    assert read_sqlite(file.read_bytes()).entries == []


def test_rows_that_hold_no_object_are_passed_over(tmp_path):
    file = database(
        tmp_path, {"social:token": [1], "odic:token": "x", "odic:other": None}
    )
    with closing(sqlite3.connect(file)) as opened:
        row = ("kirocli:external-idp:token", b"\xff\xfe")
        opened.execute("INSERT INTO auth_kv VALUES (?, ?)", row)
        opened.commit()
    found = read_sqlite(file)
    assert (found.entries, found.faults) == ([], [])


def test_it_is_only_read(tmp_path):
    file = database(tmp_path, {"social:token": SOCIAL})
    before = file.read_bytes()
    read_sqlite(file)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["data.sqlite3"]
    assert is_sqlite(before)
    assert not is_sqlite(b"{}")
