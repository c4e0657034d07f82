from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.media.plaintext import MOST_CHARACTERS, read_text


@pytest.mark.parametrize(
    ("data", "media_type", "expected"),
    [
        (b"plain", "text/plain", "plain"),
        ("Grüße, 世界".encode(), "text/markdown", "Grüße, 世界"),
        (b'{"a": 1}', "application/json", '{"a": 1}'),
        ("Grüße".encode(), "application/octet-stream", "Grüße"),
        (codecs.BOM_UTF8 + "ü".encode(), "text/csv", "ü"),
        ("ü".encode("utf-16"), "text/plain", "ü"),
        (codecs.BOM_UTF16_BE + "ü".encode("utf-16-be"), "application/x", "ü"),
        ("ü".encode("utf-32"), "text/plain", "ü"),
        ("naïve €".encode("cp1252"), "text/plain", "naïve €"),
        ("naïve".encode("cp1252"), "application/octet-stream", None),
        (b"a\x1b[31mred\x07\r\n\tb", "text/plain", "a[31mred\r\n\tb"),
        (b"PK\x03\x04\x00\x00", "text/plain", None),
        (b"\xd0\xcf\x11\xe0\x00", "application/msword", None),
        (b"", "text/plain", ""),
    ],
)
def test_text_is_known_by_its_bytes(
    data: bytes, media_type: str, expected: str | None
) -> None:
    assert read_text(data, media_type) == expected


def test_a_text_that_is_too_long_says_where_it_was_cut() -> None:
    length = MOST_CHARACTERS + 5
    text = read_text(b"x" * length, "text/plain")
    assert text is not None
    assert text.startswith("x" * MOST_CHARACTERS + "\n\n[cut after")
    assert text.endswith(f"{MOST_CHARACTERS} of {length} characters]")


@given(st.binary(max_size=200), st.sampled_from(["text/plain", "application/x"]))
def test_whatever_is_read_can_be_sent_on(data: bytes, media_type: str) -> None:
    text = read_text(data, media_type)
    if text is not None:
        assert "\0" not in text.encode().decode()
