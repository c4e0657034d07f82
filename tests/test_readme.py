"""Every command of the READMEs, run as it is written.

Only the address and the key are put in. Where Docker cannot run, the steps of the
image are: its entry point with the same environment, its files as the Dockerfile
copies them.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.control import Control
from tests import image
from tests.conftest import StartGateway
from tests.processes import Gateway, environment, free_port, upstream_settings

ROOT = Path(__file__).resolve().parent.parent
READMES = ("README.md", "README.zh-CN.md")
ADDRESS = "http://127.0.0.1:8080"


def blocks(readme: str) -> list[str]:
    text = (ROOT / readme).read_text(encoding="utf-8")
    return re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def blocks_with(readme: str, *beginnings: str) -> list[str]:
    return [block for block in blocks(readme) if block.startswith(beginnings)]


def shell(block: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def at_gateway(gateway: Gateway, tmp_path: Path) -> dict[str, str]:
    """A person's shell with the key at hand; curl fails on a bad status."""
    (tmp_path / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KEY": gateway.key}


KINDS = ("make demo", "make run", "export ", "curl ", "docker build", "cp .env.example")


@pytest.mark.parametrize("readme", READMES)
def test_no_block_is_of_a_kind_that_nothing_here_runs(readme: str):
    assert [b for b in blocks(readme) if not b.startswith(KINDS)] == []


def test_both_languages_have_the_same_commands():
    def commands(readme: str) -> list[str]:
        return [
            re.sub(r'"content": "[^"]*"|"description": "[^"]*"| *#.*', "", block)
            for block in blocks(readme)
        ]

    assert commands(READMES[0]) == commands(READMES[1])


@pytest.mark.parametrize("readme", READMES)
def test_the_curl_commands_get_answers(
    readme: str, gateway: Gateway, at_gateway: dict[str, str]
):
    curls = blocks_with(readme, "curl ")
    assert len(curls) >= 7
    for block in curls:
        done = shell(block.replace(ADDRESS, gateway.url), at_gateway)
        assert done.returncode == 0, (block, done.stdout, done.stderr)
        assert done.stdout.startswith(("{", "event: message_start")), block


@pytest.mark.parametrize("readme", READMES)
def test_the_claude_code_lines_lead_to_the_gateway(
    readme: str, gateway: Gateway, at_gateway: dict[str, str]
):
    (block,) = blocks_with(readme, "export ANTHROPIC_BASE_URL")
    asked = (
        f"{block}\ncurl $ANTHROPIC_BASE_URL/v1/models -H x-api-key:$ANTHROPIC_API_KEY"
    )
    asked = asked.replace(ADDRESS, gateway.url).replace("your-client-key", gateway.key)
    done = shell(asked, at_gateway)
    assert done.returncode == 0, done.stdout
    assert '"object":"list"' in done.stdout


@pytest.mark.parametrize("readme", READMES)
def test_the_accounts_of_the_example_are_imported(readme: str, tmp_path: Path):
    (block,) = blocks_with(readme, "export KIRO_AUTH_TOKEN")
    env = environment(tmp_path)
    done = shell(f"{block}\n{sys.executable} manage.py prepare", env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Account added: ") == 2


def test_make_run_serves(tmp_path: Path):
    assert blocks_with(READMES[0], "make run") == ["make run\n"]
    gateway = Gateway(environment(tmp_path / "data"))
    gateway.data.mkdir()
    env = {**gateway.env, "PORT": str(gateway.port)}
    with gateway.log_file.open("wb") as output:
        gateway.process = subprocess.Popen(
            ["make", "run"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        gateway.wait_until_it_answers()
    finally:
        # As Ctrl-C in a terminal does: to make and to what it runs.
        os.killpg(gateway.process.pid, signal.SIGINT)
        gateway.process.wait(60)


def test_docker_run_with_two_variables_serves(upstream: Control, tmp_path: Path):
    app = image.copy_files(tmp_path / "app")
    block = blocks_with(READMES[0], "docker build")[0]
    given = dict(re.findall(r"-e (\w+)=(\S+)", block.replace("\\\n", " ")))
    assert set(given) == {"KIRO_AUTH_TOKEN", "KIRO_CLIENT_TOKEN"}
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOST": "0.0.0.0",
        "DATA_DIR": str(tmp_path / "data"),
        "KIRO_AUTH_TOKEN": shlex.split(given["KIRO_AUTH_TOKEN"])[0],
        "KIRO_CLIENT_TOKEN": "sk-kiro-for-the-tests-only-0123456789",
        **upstream_settings(upstream.url),
    }
    (tmp_path / "data").mkdir()
    gateway = Gateway(env, free_port())
    with gateway.log_file.open("wb") as output:
        gateway.process = subprocess.Popen(
            [app / "deploy" / "entrypoint"],
            cwd=app,
            env={**env, "PORT": str(gateway.port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        gateway.wait_until_it_answers()
        assert "Account added: Social 1" in gateway.log
        first_login = gateway.data / "first-login.txt"
        assert str(first_login) in gateway.log
        assert first_login.stat().st_mode & 0o777 == 0o600
        healthy = subprocess.run(
            [app / "deploy" / "entrypoint", "healthcheck"],
            cwd=app,
            env={**env, "PORT": str(gateway.port)},
            timeout=60,
        )
        assert healthy.returncode == 0
    finally:
        assert gateway.stop() == 0


def test_the_docker_commands_name_what_there_is(start_gateway: StartGateway):
    """`docker exec` and `docker compose exec` run commands that exist."""
    text = "".join((ROOT / readme).read_text() for readme in READMES)
    run = re.findall(r"exec (?:kiro2api|gateway) python manage.py (\w+)", text)
    commands = {path.stem for path in (ROOT / "kiro2api/management/commands").iterdir()}
    assert set(run) == {"healthcheck"} <= commands
    compose = (ROOT / "docker-compose.yml").read_text()
    assert "gateway:" in compose
    assert "postgres:" in compose
