"""The text of a file that is text, whatever its label says."""

from __future__ import annotations

import codecs
import re

# As much text of a user as AWS's own client sends at most.
MOST_CHARACTERS = 400_000

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    # Before those of UTF-16, one of which is the beginning of one of these.
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# Neither a control character nor half a surrogate pair survives a wire.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def read_text(data: bytes, media_type: str) -> str | None:
    """None if it is no text."""
    text = _decoded(data, media_type.startswith("text/"))
    if text is None or len(text) <= MOST_CHARACTERS:
        return text
    cut = f"[cut after {MOST_CHARACTERS} of {len(text)} characters]"
    return f"{text[:MOST_CHARACTERS]}\n\n{cut}"


def printable(text: str) -> str:
    return _UNPRINTABLE.sub("", text)


def _decoded(data: bytes, said_to_be_text: bool) -> str | None:
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return printable(data[len(mark) :].decode(encoding, "replace"))
    if b"\0" in data:
        return None
    try:
        return printable(data.decode())
    except UnicodeDecodeError:
        return printable(data.decode("cp1252", "replace")) if said_to_be_text else None
