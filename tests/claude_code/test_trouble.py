"""Trouble upstream: Claude Code does not notice it, or is told what it understands."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from simulator.control import Control
from tests.asked import served
from tests.claude_code.actions import assert_poem_written, bash, edit, poem, write
from tests.claude_code.client import ClaudeCode
from tests.directive import directive, say

pytestmark = pytest.mark.real_client


def test_it_does_not_notice_a_throttled_account(claude: ClaudeCode, upstream: Control):
    upstream.update_account("first", throttle={"fault": "user_rate", "times": 1})
    run = claude.run(poem(claude.workspace))
    run.assert_good()
    assert_poem_written(claude.workspace)
    refused = [call["status"] for call in upstream.requests(account="first")]
    assert 429 in refused


def test_it_repeats_a_request_that_no_account_has_capacity_for(
    claude: ClaudeCode, upstream: Control
):
    """The gateway has tried as often as it may, and asks it to come again."""
    upstream.enqueue(*["model_capacity"] * 3)
    run = claude.run(poem(claude.workspace))
    run.assert_good(repeats=1)
    assert_poem_written(claude.workspace)


def suspend(upstream: Control) -> None:
    upstream.update_account("first", state="suspended")


def spend(upstream: Control) -> None:
    upstream.update_account("first", credits_used=1000.0)


def sign_out(upstream: Control) -> None:
    upstream.expire_access_token("first")
    upstream.kill_refresh_token("first")


@pytest.mark.parametrize("trouble", [suspend, spend, sign_out])
def test_it_does_not_notice_that_an_account_dies_in_the_middle_of_a_task(
    claude: ClaudeCode, upstream: Control, trouble: Callable[[Control], None]
):
    """While its second answer is still held at a gate."""
    file = claude.workspace / "diary.txt"
    prompt = directive(
        [write(file, "monday\n")],
        [say("A moment. "), {"gate": "trouble"}, bash("echo still here")],
        [edit(file, "monday", "tuesday")],
        [say("Written.")],
    )
    with ThreadPoolExecutor(1) as beside:
        running = beside.submit(claude.run, prompt)
        upstream.wait_for_gate("trouble", timeout=60)
        trouble(upstream)
        upstream.open_gate("trouble")
        run = running.result()
    run.assert_good()
    assert file.read_text() == "tuesday\n"
    accounts = [call["account"] for call in served(upstream)]
    assert accounts == ["first", "first", "second", "second"]


def test_that_the_pool_is_out_of_credits_is_shown_at_once(
    claude: ClaudeCode, upstream: Control
):
    for name in ("first", "second", "third"):
        upstream.update_account(name, credits_used=10_000.0)
    run = claude.run("Hello")
    assert run.status == 1
    assert run.result["is_error"] is True
    assert "out of credits until" in run.result["result"]
    assert upstream.calls() == 3  # each account once, and no retry


def test_that_the_first_prompt_is_too_long_is_understood(
    claude: ClaudeCode, upstream: Control
):
    upstream.enqueue("input_too_long")
    run = claude.run("Hello")
    assert run.result["is_error"] is True
    assert "Prompt is too long" in run.result["result"]
