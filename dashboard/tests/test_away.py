"""Without its database: a program of its own, because a test has one."""

import json
import os
import subprocess
import sys

import pytest

ASK = """
import django, json
django.setup()
from django.test import Client
answers = {}
for path in ("/", "/pool", "/api/tokens", "/livez", "/readyz"):
    answer = Client().get(path, headers={"host": "localhost"})
    answers[path] = [answer.status_code, answer.content.decode()]
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, tuple[int, str]]:
    folder = tmp_path_factory.mktemp("not-a-database")
    ran = subprocess.run(
        [sys.executable, "-c", ASK],
        env={
            **os.environ,
            "DATA_DIR": str(folder),
            "DATABASE_URL": f"sqlite:///{folder}",
            "LOG_CONSOLE": "false",
            "LOG_FILE": str(folder / "log"),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return {path: tuple(told) for path, told in json.loads(ran.stdout).items()}


def test_it_is_alive_but_not_ready(answers):
    assert answers["/livez"][0] == 200
    status, body = answers["/readyz"]
    assert (status, json.loads(body)) == (503, {"status": "database away"})


def test_the_page_says_what_is_the_matter(answers):
    status, html = answers["/"]
    assert status == 503
    assert "The database cannot be reached" in html
    assert "Traceback" not in html


def test_what_programs_ask_is_refused_for_now(answers):
    status, body = answers["/api/tokens"]
    assert (status, json.loads(body)) == (
        503,
        {"error": "The database cannot be reached"},
    )
    assert answers["/pool"] == (503, "")
