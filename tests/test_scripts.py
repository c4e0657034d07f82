"""Every scripted answer of upstream, in the official Anthropic SDK for Python."""

from __future__ import annotations

from collections.abc import Iterator

import anthropic
import pytest

from simulator.control import Control
from simulator.scripts import ANSWERS, SCRIPTS
from tests.processes import Gateway
from tests.sdks.anthropic.drive_python import play
from tests.sdks.anthropic.outcome import REQUEST, Outcome, enqueue_for

# The SDK says when Anthropic itself retires a model; that is not about us.
pytestmark = pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")

ENDS = {
    "empty": "api_error",
    "blank_text": "api_error",
    "nothing": "api_error",
    "thinking_only": "max_tokens",
    "thinking_tagged_only": "max_tokens",
    "max_tokens": "max_tokens",
    "content_filtered": "refusal",
    "window_exceeded": "model_context_window_exceeded",
    "context_full": "model_context_window_exceeded",
    "without_any_usage": "max_tokens",
    "without_tail": "max_tokens",
    "tool_without_tail": "max_tokens",
    "tool_never_stopped": "max_tokens",
    "tool_never_stopped_with_tail": "max_tokens",
    "tool_input_truncated": "max_tokens",
    "content_length_exceeded": "max_tokens",
    "throttled_before_text": "overloaded_error",
    "unavailable_before_text": "overloaded_error",
    "unavailable_after_text": "overloaded_error",
    "validation_before_text": "invalid_request_error",
}
"""The stop reason or the error's type, where it is not the usual one."""


def usual_end(name: str) -> str:
    if name not in ANSWERS:
        return "api_error"
    uses_tools = any("tool" in step for step in ANSWERS[name]["steps"])
    return "tool_use" if uses_tools else "end_turn"


@pytest.fixture
def sdk(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=gateway.url, api_key=gateway.key, max_retries=0
    ) as client:
        yield client


@pytest.mark.parametrize("name", SCRIPTS)
def test_streamed_or_not_a_script_comes_to_the_same(
    name: str, sdk: anthropic.Anthropic, upstream: Control
):
    enqueue_for(upstream, name, requests=2)
    streamed = Outcome.of(play(sdk, REQUEST | {"stream": True}))
    whole = Outcome.of(play(sdk, REQUEST | {"stream": False}))
    end = ENDS.get(name, usual_end(name))
    assert (streamed.error or streamed.stop_reason) == end
    assert (whole.error or whole.stop_reason) == end
    if whole.error is not None:
        # Only what was said already can no longer be told by a status.
        has_begun = bool(streamed.content or streamed.cut)
        assert streamed.status == (200 if has_begun else whole.status)
        assert whole.status >= 400
    else:
        assert streamed.content == whole.content
        assert streamed.stop_sequence == whole.stop_sequence
        assert streamed.usage == whole.usage
        assert whole.usage["input_tokens"] > 0
        assert whole.usage["output_tokens"] > 0
        assert streamed.cut is None or end == "max_tokens"


def test_every_exception_is_one():
    assert all(name in SCRIPTS and end != usual_end(name) for name, end in ENDS.items())
