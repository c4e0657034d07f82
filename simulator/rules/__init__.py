"""What the service refuses: every limit and rule by name, always strict.

`examine` compares a request with them all, in the order in which the service looks:
the shape of each member, then images, tools and the conversation, then what depends on
the model. `refusal` is the answer to a breach, as the host generation would put it.
Where sources differ the stricter reading holds, so that what passes here passes there.
"""

from collections.abc import Iterator
from typing import Any

from simulator.faults import FAULTS, Fault, Style
from simulator.rules.breach import RULES, Breach
from simulator.rules.history import CURRENT, conversation, history_breaches
from simulator.rules.images import media_breaches
from simulator.rules.model import Known, model_breaches
from simulator.rules.request import (
    REST_REQUEST,
    SEND_MESSAGE_REQUEST,
    TARGET_REQUEST,
)
from simulator.rules.shapes import Findings, walk
from simulator.rules.tools import tool_breaches

SHAPES = {
    ("GenerateAssistantResponse", "rest"): REST_REQUEST,
    ("GenerateAssistantResponse", "json"): TARGET_REQUEST,
    ("GenerateAssistantResponse", "kiro"): TARGET_REQUEST,
    ("SendMessage", "rest"): SEND_MESSAGE_REQUEST,
    ("SendMessage", "json"): SEND_MESSAGE_REQUEST,
    ("SendMessage", "kiro"): SEND_MESSAGE_REQUEST,
}


def examine(
    body: dict[str, Any],
    size: int,
    known: Known,
    operation: str = "GenerateAssistantResponse",
    style: Style = "rest",
) -> Findings:
    """All breaches in order, and the members nobody knows; `size` is in bytes."""
    found = Findings()
    if "systemPrompt" in body:
        found.breach("system-prompt", "/systemPrompt")
    walk(SHAPES[operation, style], body, "", found)
    if not found.breaches:
        found.breaches.extend(_content_breaches(body, size, known))
    return found


def _content_breaches(
    body: dict[str, Any], size: int, known: Known
) -> Iterator[Breach]:
    state = body["conversationState"]
    for path, message in conversation(state):
        user = message.get("userInputMessage", {})
        yield from media_breaches(user, f"{path}/userInputMessage")
    current = state["currentMessage"].get("userInputMessage", {})
    tools = current.get("userInputMessageContext", {}).get("tools", [])
    where = f"{CURRENT}/userInputMessage/userInputMessageContext/tools"
    yield from tool_breaches(tools, where)
    yield from history_breaches(state)
    if current:
        yield from model_breaches(body, size, known)


def refusal(breach: Breach, style: Style) -> Fault:
    rule = RULES[breach.rule]
    if style == "rest" and not rule.legacy:
        return FAULTS["improperly_formed"]
    if breach.rule == "input-length":
        return FAULTS["input_too_long"]
    if rule.reason is not None:
        return Fault(400, "ValidationException", rule.says, rule.reason)
    if style == "json":
        return Fault(400, "ValidationException", rule.says, "REQUEST_BODY_INVALID")
    message = f"Value at '{breach.path}' failed to satisfy constraint: {rule.says}"
    return Fault(
        400,
        "ValidationException",
        f"1 validation error detected. {message}",
        members={"fieldList": [{"path": breach.path, "message": message}]},
    )
