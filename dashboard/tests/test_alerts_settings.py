"""The mail server of alerts, as the environment names it."""

from __future__ import annotations

import pytest

from tests.processes import environment, manage

SHOW = (
    "from django.conf import settings as s;"
    "print(s.EMAIL_HOST, s.EMAIL_PORT, s.EMAIL_HOST_USER, s.EMAIL_HOST_PASSWORD,"
    " s.EMAIL_USE_TLS, s.EMAIL_USE_SSL, s.ALERT_FROM)"
)
FROM = {"ALERT_FROM": "kiro2api@example.com"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "smtp+tls://me%40example.com:p%40ss@smtp.example.com:587",
            "smtp.example.com 587 me@example.com p@ss True False kiro2api@example.com",
        ),
        (
            "smtp+ssl://me:pass@smtp.example.com:465",
            "smtp.example.com 465 me pass False True kiro2api@example.com",
        ),
    ],
)
def test_it_is_read_from_one_address(tmp_path, url, shown):
    env = environment(tmp_path, EMAIL_URL=url, **FROM)
    done = manage("shell", "--no-imports", "-c", SHOW, env=env)
    assert done.stdout.strip() == shown, done.stderr


@pytest.mark.parametrize(
    ("set_to", "told"),
    [
        (FROM, "EMAIL_URL and ALERT_FROM: set both, or neither."),
        ({"EMAIL_URL": "smtp://s.example.com"}, "EMAIL_URL and ALERT_FROM: set both"),
        (FROM | {"EMAIL_URL": "me:sesame@example.com"}, "EMAIL_URL must look like"),
        (FROM | {"EMAIL_URL": "smtp://h:sesame"}, "EMAIL_URL must look like"),
    ],
)
def test_what_cannot_be_meant_stops_the_start(tmp_path, set_to, told):
    done = manage("check", env=environment(tmp_path, **set_to))
    assert told in done.stderr
    assert "sesame" not in done.stderr + done.stdout
