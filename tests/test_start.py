"""What a start makes, refuses and says."""

from __future__ import annotations

import json
import os
import pty
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.calls import ask
from tests.conftest import IMPORTED, StartGateway
from tests.processes import DATABASE, MANAGE, copy_of, environment, manage

SOCIAL = IMPORTED[0]
CANARY = "canary-0123456789"


def prepare(data: Path, **settings: str) -> CompletedProcess[str]:
    return manage("prepare", env=environment(data, **settings))


def refusal(done: CompletedProcess[str]) -> str:
    """What it said, in so many words: no traceback."""
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


# KIRO_AUTH_TOKEN


def test_malformed_json_is_refused_by_line_and_column(tmp_path: Path):
    text = f'[{{"auth": "Social",\n  "refreshToken": "{CANARY}", }}]'
    said = refusal(prepare(tmp_path, KIRO_AUTH_TOKEN=text))
    assert "KIRO_AUTH_TOKEN" in said
    assert "line 2, column 40" in said
    assert CANARY not in said


def test_what_is_neither_json_nor_a_file_is_refused(tmp_path: Path):
    said = refusal(prepare(tmp_path, KIRO_AUTH_TOKEN=CANARY))
    assert "KIRO_AUTH_TOKEN is neither JSON" in said
    assert CANARY not in said


def test_bad_entries_are_named_and_skipped_and_the_good_ones_serve(tmp_path: Path):
    idc_without_client = {"auth": "IdC", "refreshToken": CANARY + "a" * 100}
    unknown_kind = {"auth": CANARY, "refreshToken": "aor" + "b" * 100}
    entries = [{"auth": "Social"}, SOCIAL, idc_without_client, unknown_kind, CANARY]
    done = prepare(tmp_path, KIRO_AUTH_TOKEN=json.dumps(entries))
    assert done.returncode == 0
    assert done.stdout.count("Account added: ") == 1
    assert "Account added: first" in done.stdout
    for fault in (
        "entry 1: refreshToken is missing",
        "entry 3: IdC needs clientId and clientSecret",
        "entry 4: auth is neither Social nor IdC",
        "entry 5: not an object",
    ):
        assert fault in done.stderr
    assert CANARY not in done.stdout + done.stderr


def test_it_may_be_one_object_in_a_file(tmp_path: Path):
    file = tmp_path / "tokens.json"
    file.write_text(json.dumps(SOCIAL))
    done = prepare(tmp_path, KIRO_AUTH_TOKEN=str(file))
    assert "Account added: first" in done.stdout


def test_without_accounts_it_says_where_to_add_one(tmp_path: Path):
    done = prepare(tmp_path, PORT="1234")
    assert done.returncode == 0
    assert "http://127.0.0.1:1234/admin/" in done.stdout
    assert "KIRO_AUTH_TOKEN" in done.stdout


# Keys and passwords


@pytest.mark.parametrize("command", ["prepare", "serve"])
@pytest.mark.parametrize("sample", ["123456", "your-secure-token"])
def test_a_sample_key_is_refused_with_a_replacement(
    tmp_path: Path, command: str, sample: str
):
    env = environment(tmp_path, KIRO_CLIENT_TOKEN=sample)
    said = refusal(manage(command, env=env))
    replacement = re.search(r"KIRO_CLIENT_TOKEN=(\S{40,})", said)
    assert replacement, said
    assert prepare(tmp_path, KIRO_CLIENT_TOKEN=replacement[1]).returncode == 0


def test_a_first_start_without_a_terminal_leaves_login_and_key_in_a_file(
    tmp_path: Path, start_gateway: StartGateway
):
    nothing = {"KIRO_CLIENT_TOKEN": "", "ADMIN_PASSWORD": ""}
    done = prepare(tmp_path, **nothing)
    file = tmp_path / "first-login.txt"
    assert str(file) in done.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = re.search(r"password (\S+)\nClient key: (\S+)\n", file.read_text())
    assert told
    assert told[1] not in done.stdout + done.stderr
    assert told[2] not in done.stdout + done.stderr

    gateway = start_gateway(tmp_path, **nothing)
    assert ask(gateway).status_code == 401
    gateway.key = told[2]
    assert ask(gateway).status_code == 503  # let in; there are no accounts

    file.unlink()
    prepare(tmp_path, **nothing)
    assert not file.exists()  # it was the first start that made them


def test_a_first_start_at_a_terminal_shows_login_and_key_once(tmp_path: Path):
    env = environment(tmp_path, KIRO_CLIENT_TOKEN="", ADMIN_PASSWORD="")
    ours, terminal = pty.openpty()
    started = subprocess.run(
        [sys.executable, MANAGE, "prepare"], env=env, cwd=tmp_path, stdout=terminal
    )
    os.close(terminal)
    said = os.read(ours, 65536).decode()
    os.close(ours)
    assert started.returncode == 0
    assert re.search(r"Admin: user admin, password \S{12,}", said)
    assert re.search(r"Client key: \S{30,}", said)
    assert not (tmp_path / "first-login.txt").exists()


def test_the_secrets_made_by_a_first_start_are_for_the_owner_alone(prepared: Path):
    for name in ("secret-key", "encryption-keys"):
        assert stat.S_IMODE((prepared / name).stat().st_mode) == 0o600
    database = (prepared / DATABASE).read_bytes()
    for account in IMPORTED:
        assert account["refreshToken"].encode() not in database


def test_accounts_that_no_key_opens_are_named(prepared: Path, tmp_path: Path):
    data = copy_of(prepared, tmp_path / "data")
    (data / "encryption-keys").unlink()
    done = prepare(data)
    assert done.returncode == 0
    assert "first, second, third" in done.stderr


# Where it must not start


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_port_in_use_is_named_with_its_setting(
    prepared: Path, tmp_path: Path, taken: int
):
    data = copy_of(prepared, tmp_path / "data")
    said = refusal(manage("serve", env=environment(data, PORT=str(taken))))
    assert f"127.0.0.1:{taken}" in said
    assert "PORT" in said


def test_postgres_wants_its_secrets_from_the_environment(tmp_path: Path):
    nobody = "postgresql://nobody@127.0.0.1:1/nothing"
    for command in ("prepare", "serve"):
        env = environment(tmp_path, DATABASE_URL=nobody)
        said = refusal(manage(command, env=env))
        assert "SECRET_KEY is not set" in said
        assert "SECRET_ENCRYPTION_KEYS is not set" in said
        assert "new_keys" in said


@pytest.mark.parametrize("command", ["prepare", "serve"])
def test_a_database_of_the_demo_is_refused(tmp_path: Path, command: str):
    (tmp_path / "demo").touch()
    said = refusal(manage(command, env=environment(tmp_path)))
    assert "belongs to the demo" in said
    assert "DATA_DIR" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "80000"),
        ("MAX_BODY_BYTES", "32MiB"),
        ("LOG_LEVEL", "loud"),
        ("MODEL_FAMILY_FALLBACK", "perhaps"),
        ("KIRO_API_URL", "http://example.com"),
        ("KIRO_AUTH_TOKEN_FILE", "/nowhere/to/be/found"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_by_name(
    tmp_path: Path, name: str, value: str
):
    done = prepare(tmp_path, **{name: value})
    assert done.returncode != 0
    said = done.stderr.strip().splitlines()[-1]
    assert name in said
    assert value in said


def test_settings_are_read_from_dotenv_and_the_environment_wins(tmp_path: Path):
    (tmp_path / ".env").write_text("HOST=localhost\nPORT=1111\n")
    assert "http://localhost:2222/admin/" in prepare(tmp_path, PORT="2222").stdout
