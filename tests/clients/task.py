"""A small task that clients are given: look up two things at once, note them."""

from __future__ import annotations

from pathlib import Path

from simulator.control import Control
from tests.asked import states, tool_results

PROMPT = "Note the weather and the time in Oslo."
NOTE = "Oslo: 12 degrees, noon\n"
RESULTS = ["12 degrees", "noon"]
DONE = "It is noted."


def enqueue_task(upstream: Control, note: Path) -> None:
    write = {"tool": "write_file", "input": {"path": str(note), "content": NOTE}}
    upstream.enqueue(
        "tools_in_parallel", {"steps": [write]}, {"steps": [{"text": DONE}]}
    )


def assert_task_done(upstream: Control, note: Path) -> None:
    """The note is there, and upstream saw each result under the call it belongs to."""
    assert note.read_text() == NOTE
    _, second, third = states(upstream)
    calls = second["history"][-1]["assistantResponseMessage"]["toolUses"]
    results = tool_results(second)
    assert [call["name"] for call in calls] == ["get_weather", "get_time"]
    assert [result["toolUseId"] for result in results] == [
        call["toolUseId"] for call in calls
    ]
    assert [result["content"] for result in results] == [
        [{"text": result}] for result in RESULTS
    ]
    assert [result["status"] for result in tool_results(third)] == ["success"]
