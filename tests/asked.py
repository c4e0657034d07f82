"""What the upstream saw of a client's work."""

from __future__ import annotations

from typing import Any

from simulator.control import GENERATE, Control

Json = dict[str, Any]


def served(upstream: Control) -> list[Json]:
    """The chat calls that were answered, in order."""
    return [call for call in upstream.requests(GENERATE) if call["status"] == 200]


def states(upstream: Control) -> list[Json]:
    """The conversation at each of them."""
    return [call["body"]["conversationState"] for call in served(upstream)]


def current(state: Json) -> Json:
    """What the user says last."""
    message: Json = state["currentMessage"]["userInputMessage"]
    return message


def tool_names(state: Json) -> list[str]:
    """Of the tools that are offered."""
    tools = current(state).get("userInputMessageContext", {}).get("tools", [])
    specifications = (tool.get("toolSpecification") for tool in tools)
    return [found["name"] for found in specifications if found is not None]


def tool_results(state: Json) -> list[Json]:
    results: list[Json] = current(state)["userInputMessageContext"]["toolResults"]
    return results
