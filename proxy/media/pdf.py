"""The text of a PDF, page by page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from io import BytesIO

from pypdf import PdfReader

from proxy.media.jobs import PdfText, Unreadable
from proxy.media.plaintext import MOST_CHARACTERS, printable

MOST_PAGES = 500
# Then the pages read so far are the answer; the gateway waits longer than that.
SECONDS = 10.0


def read_pdf(data: bytes, seconds: float = SECONDS) -> PdfText | Unreadable:
    """Raises whatever pypdf does with a damaged file."""
    reader = PdfReader(BytesIO(data), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        return Unreadable("it is encrypted")
    count = len(reader.pages)
    pages = list(_read_pages(reader, count, time.monotonic() + seconds))
    if len(pages) == count and not any(pages):
        return Unreadable("there is no text in it, only pictures perhaps", count)
    text = "\n\n".join(
        f"[page {number}]\n{page}" for number, page in enumerate(pages, 1) if page
    )
    if len(text) > MOST_CHARACTERS or len(pages) < count:
        text = f"{text[:MOST_CHARACTERS]}\n\n[cut on page {len(pages)} of {count}]"
    return PdfText(text)


def _read_pages(reader: PdfReader, count: int, deadline: float) -> Iterator[str]:
    read = 0
    for number in range(min(count, MOST_PAGES)):
        if number and (read >= MOST_CHARACTERS or time.monotonic() > deadline):
            return
        page = _read_page(reader, number)
        read += len(page)
        yield page


def _read_page(reader: PdfReader, number: int) -> str:
    try:
        text = reader.pages[number].extract_text()
    except Exception:  # of any kind: a damaged page must not cost the others
        return "(This page could not be read.)"
    return printable(text).strip()
