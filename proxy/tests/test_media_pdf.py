from __future__ import annotations

import pytest
from pypdf.errors import PyPdfError

from proxy.media.jobs import PdfText, Unreadable
from proxy.media.pdf import MOST_PAGES, read_pdf
from proxy.media.plaintext import MOST_CHARACTERS
from proxy.tests.media_samples import encrypted_pdf, pdf, swelling_pdf


def text_of(data: bytes, seconds: float = 60) -> str:
    answer = read_pdf(data, seconds)
    assert isinstance(answer, PdfText)
    return answer.text


def test_the_text_of_each_page_stands_under_its_number() -> None:
    text = text_of(pdf("The first.", "The second,\ntwo lines."))
    assert text == "[page 1]\nThe first.\n\n[page 2]\nThe second,\ntwo lines."


def test_pages_without_text_keep_their_numbers() -> None:
    assert text_of(pdf("", "two")) == "[page 2]\ntwo"


def test_a_pdf_of_pictures_says_that_it_has_no_text() -> None:
    answer = read_pdf(pdf("", "", ""))
    assert isinstance(answer, Unreadable)
    assert answer.pages == 3


def test_a_damaged_page_does_not_cost_the_others() -> None:
    text = text_of(pdf("one", "two", "three", damaged=2))
    assert text.startswith("[page 1]\none\n\n[page 2]\n(This page could not be read.)")
    assert text.endswith("[page 3]\nthree")


def test_a_page_that_swells_is_not_unpacked() -> None:
    assert text_of(swelling_pdf()) == "[page 1]\n(This page could not be read.)"


def test_a_password_is_needed_for_an_encrypted_one() -> None:
    assert read_pdf(encrypted_pdf("secret", "pw")) == Unreadable("it is encrypted")


def test_one_that_is_encrypted_against_changes_only_is_read() -> None:
    assert text_of(encrypted_pdf("open to read", "")) == "[page 1]\nopen to read"


def test_more_pages_than_are_read_are_said_to_be_cut() -> None:
    text = text_of(pdf(*["x"] * (MOST_PAGES + 1)))
    assert text.endswith(f"[page {MOST_PAGES}]\nx\n\n[cut on page 500 of 501]")


def test_more_text_than_is_taken_is_said_to_be_cut() -> None:
    page = "\n".join(["y" * 1000] * 150)
    text = text_of(pdf(page, page, page, page))
    assert len(text) < MOST_CHARACTERS + 50
    assert text.endswith("y\n\n[cut on page 3 of 4]")


def test_what_was_read_in_time_is_the_answer() -> None:
    assert text_of(pdf("one", "two"), -1) == "[page 1]\none\n\n[cut on page 1 of 2]"


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"%PDF-1.7\n" + bytes(500)])
def test_what_is_no_pdf_raises(data: bytes) -> None:
    with pytest.raises(PyPdfError):
        read_pdf(data)
