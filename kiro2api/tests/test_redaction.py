"""What never stands in a line, whatever shape it comes in."""

from __future__ import annotations

import json

import pytest

from kiro2api.redaction import GONE, Redaction

REDACT = Redaction(["correct horse", "short"])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("got aorAAAAAFirst1234567890:MGUC+x/y= back", f"got {GONE} back"),
        ("token aoaAAAAAFirst1234567890", f"token {GONE}"),
        ("key sk-kiro-0123456789abcdef.", f"key {GONE}."),
        ("key ksk_0123456789abcdef", f"key {GONE}"),
        ("Authorization: Bearer abcdef123456", f"Authorization: {GONE} abcdef123456"),
        ("sent Bearer abcdef123456 up", f"sent Bearer {GONE} up"),
        ("x-api-key: whatever-it-is", f"x-api-key: {GONE}"),
        ('{"clientSecret": "a b", "n": 1}', f'{{"clientSecret": "{GONE}", "n": 1}}'),
        ("{'refreshToken': 'a b'}", f"{{'refreshToken': '{GONE}'}}"),
        ("client_secret=abc&grant=x", f"client_secret={GONE}&grant=x"),
        ("socks5://me:pass%40word@h:1080", f"socks5://me:{GONE}@h:1080"),
        ("postgres://me:p@db/x", f"postgres://me:{GONE}@db/x"),
        ("eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJ", GONE),
        ("it was correct horse!", f"it was {GONE}!"),
    ],
)
def test_a_secret_is_taken_out(text: str, left: str):
    assert REDACT(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "account first: token renewed, good until 2026-01-01T00:00:00+00:00",
        '{"request_id": "req_0123456789abcdef01234567", "token_usage": {"input": 1}}',
        "POST /v1/messages 200",
        "http://127.0.0.1:8080/admin/",
        "no API key: send x-api-key or Authorization",
        "a short word",
    ],
)
def test_what_is_none_stays(text: str):
    assert REDACT(text) == text


def test_in_json_inside_of_json_as_well():
    inside = json.dumps({"accessToken": "abc def", "n": 1})
    line = REDACT(json.dumps({"message": inside}))
    assert json.loads(json.loads(line)["message"]) == {"accessToken": GONE, "n": 1}
