"""Files that are no text reach the upstream when Claude Code reads them."""

from __future__ import annotations

import pytest

from proxy.tests.media_samples import pdf
from simulator.control import Control
from tests.asked import current, states
from tests.claude_code.actions import read
from tests.claude_code.client import ClaudeCode
from tests.directive import directive, say
from tests.pictures import PNG

pytestmark = pytest.mark.real_client


def assert_a_picture_came(upstream: Control) -> None:
    images = current(states(upstream)[-1])["images"]
    assert [image["format"] for image in images] == ["png"]


def test_an_image_that_it_reads(claude: ClaudeCode, upstream: Control):
    picture = claude.workspace / "picture.png"
    picture.write_bytes(PNG)
    run = claude.run(directive([read(picture)], [say("A square.")]))
    run.assert_good()
    assert run.tools_called() == ["Read"]
    assert_a_picture_came(upstream)


def test_an_image_that_the_prompt_mentions(claude: ClaudeCode, upstream: Control):
    (claude.workspace / "picture.png").write_bytes(PNG)
    run = claude.run("What is in @picture.png? " + directive([say("A square.")]))
    run.assert_good()
    assert_a_picture_came(upstream)


def test_a_pdf_that_it_reads(claude: ClaudeCode, upstream: Control):
    """In the tool's result or beside it: each build has its own way."""
    file = claude.workspace / "birds.pdf"
    file.write_bytes(pdf("The heron is grey", "The kingfisher is blue"))
    run = claude.run(directive([read(file)], [say("Two birds.")]))
    run.assert_good()
    assert not any(run.failures())
    before, after = map(str, states(upstream))
    for text in ("The heron is grey", "The kingfisher is blue"):
        assert text not in before
        assert text in after
