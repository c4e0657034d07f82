"""The rules of a conversation, as AWS's own clients keep them before they send.

History and current message together begin and end with a user message and alternate;
an assistant's tool uses are answered, each once, by the very next user message.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from simulator.rules.breach import Breach

CURRENT = "/conversationState/currentMessage"
HISTORY = "/conversationState/history"


def conversation(state: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every message with its path, oldest first."""
    for index, message in enumerate(state.get("history", ())):
        yield f"{HISTORY}/{index}", message
    yield CURRENT, state["currentMessage"]


def history_breaches(state: dict[str, Any]) -> Iterator[Breach]:
    if state.get("history") == []:
        yield Breach("history-empty", HISTORY)
    if "userInputMessage" not in state["currentMessage"]:
        yield Breach("current-is-user", CURRENT)
    previous: dict[str, Any] | None = None
    for path, message in conversation(state):
        yield from _turn_breaches(previous, message, path)
        previous = message
    yield from _declaration_breaches(state)


def _turn_breaches(
    previous: dict[str, Any] | None, message: dict[str, Any], path: str
) -> Iterator[Breach]:
    from_user = "userInputMessage" in message
    if previous is None and not from_user:
        yield Breach("starts-with-user", path)
    if previous is not None and from_user == ("userInputMessage" in previous):
        yield Breach("alternation", path)
    if from_user:
        user = message["userInputMessage"]
        yield from _user_breaches(user, f"{path}/userInputMessage")
        yield from _pairing_breaches(previous, user, f"{path}/userInputMessage")
        if path != CURRENT and "tools" in user.get("userInputMessageContext", {}):
            yield Breach(
                "tools-on-current",
                f"{path}/userInputMessage/userInputMessageContext/tools",
            )
    else:
        assistant = message["assistantResponseMessage"]
        yield from _tool_use_breaches(assistant, f"{path}/assistantResponseMessage")


def _user_breaches(user: dict[str, Any], path: str) -> Iterator[Breach]:
    results = _results(user)
    if not user["content"].strip() and not results:
        yield Breach("user-blank", f"{path}/content")
    for index, result in enumerate(results):
        if not any("json" in piece or piece["text"] for piece in result["content"]):
            yield Breach(
                "result-empty", f"{path}/userInputMessageContext/toolResults/{index}"
            )


def _pairing_breaches(
    previous: dict[str, Any] | None, user: dict[str, Any], path: str
) -> Iterator[Breach]:
    where = f"{path}/userInputMessageContext/toolResults"
    given = Counter(result["toolUseId"] for result in _results(user))
    assistant = (previous or {}).get("assistantResponseMessage", {})
    wanted = {use["toolUseId"] for use in assistant.get("toolUses", ())}
    if given and not wanted:
        yield Breach("results-without-uses", where)
        return
    if wanted - given.keys():
        yield Breach("result-missing", where)
    if given.keys() - wanted:
        yield Breach("result-unknown", where)
    if any(count > 1 for count in given.values()):
        yield Breach("result-repeated", where)


def _tool_use_breaches(assistant: dict[str, Any], path: str) -> Iterator[Breach]:
    ids: set[str] = set()
    for index, use in enumerate(assistant.get("toolUses", ())):
        if use["toolUseId"] in ids:
            yield Breach("tool-use-duplicate", f"{path}/toolUses/{index}/toolUseId")
        ids.add(use["toolUseId"])
        if "" in use["input"]:
            yield Breach("tool-use-input-key", f"{path}/toolUses/{index}/input")


def _declaration_breaches(state: dict[str, Any]) -> Iterator[Breach]:
    current = state["currentMessage"].get("userInputMessage", {})
    tools = current.get("userInputMessageContext", {}).get("tools", ())
    declared = {
        tool["toolSpecification"]["name"]
        for tool in tools
        if "toolSpecification" in tool
    }
    for path, message in conversation(state):
        assistant = message.get("assistantResponseMessage", {})
        for index, use in enumerate(assistant.get("toolUses", ())):
            if use["name"] in declared:
                continue
            where = f"{path}/assistantResponseMessage/toolUses/{index}/name"
            yield Breach("tool-declared" if declared else "tool-config", where)


def _results(user: dict[str, Any]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = user.get("userInputMessageContext", {}).get(
        "toolResults", []
    )
    return results
