"""Turns that a prompt asks for: `<<SIM:{"turns":[[ACTION,...],...]}:SIM>>`.

The newest text of a user that holds a directive counts, wherever it stands in the text;
tool results are not a user's words. The assistant messages behind it say which turn is
next. An action is `{"text"}`, `{"fill": N}`, `{"thinking"}` (left out where the request
asks for none) or `{"tool": name or names, "input": {...}}`, of which the first name
that is offered is taken. Several tools in one turn are parallel. Requests without
tools, and requests to sum the conversation up, are answered with text.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from simulator.parsing import cut_up
from simulator.rules.history import conversation

START, END = "<<SIM:", ":SIM>>"
COMPACTION = re.compile(
    r"(create|write|provide|produce)\b.{0,80}\bsummary of (the|this|our) conversation"
    r"|your task is to (create|write|produce)\b.{0,40}\bsummary"
    r"|respond with text only",
    re.IGNORECASE | re.DOTALL,
)
TEXT_PIECE = 16
LONGEST_TOOL_NAME = 64
SHORTEST_KEPT_PREFIX = 16

JSON = json.JSONDecoder()
ANY_TEXT = "Done."
SUMMARY = "<summary>\nThe conversation so far, in short.\n</summary>"

Thinking = Literal["native", "tagged"]
Turns = Sequence[Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Directive:
    start: int
    end: int
    turns: Any
    """As it stands in the text: of any shape, None where it is no JSON."""


def find_directives(text: str) -> Iterator[Directive]:
    """One after the other; a directive within another's JSON belongs to that."""
    at = text.find(START)
    while at >= 0:
        directive = _read(text, at)
        if directive is not None:
            yield directive
        after = at + len(START) if directive is None else directive.end
        at = text.find(START, after)


def without_directives(text: str) -> str:
    for directive in reversed(list(find_directives(text))):
        text = text[: directive.start] + text[directive.end :]
    return text


def directed_steps(body: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The steps of the turn that is asked for; None without a directive."""
    state = body["conversationState"]
    found = _newest(state)
    if found is None:
        return None
    directive, played = found
    content = state["currentMessage"]["userInputMessage"]["content"]
    if COMPACTION.search(content) and START not in content:
        return [{"text": SUMMARY}]
    try:
        return _turn(directive.turns, played, body)
    except (LookupError, TypeError, AttributeError) as fault:
        return [{"text": f"The directive cannot be read: {fault!r}"}]


def _turn(turns: Turns, played: int, body: dict[str, Any]) -> list[dict[str, Any]]:
    turn = turns[played] if played < len(turns) else []
    tools, thinking = offered_tools(body), thinking_asked(body)
    chosen = (_step(action, tools, thinking) for action in turn)
    steps = [step for step in chosen if step is not None]
    speaks = any(step.keys() & {"text", "fill", "tool"} for step in steps)
    return steps if speaks else [*steps, {"text": ANY_TEXT}]


def offered_tools(body: dict[str, Any]) -> list[str]:
    current = body["conversationState"]["currentMessage"]["userInputMessage"]
    tools = current.get("userInputMessageContext", {}).get("tools", [])
    return [
        tool["toolSpecification"]["name"]
        for tool in tools
        if "toolSpecification" in tool
    ]


def thinking_asked(body: dict[str, Any]) -> Thinking | None:
    """By the model's own fields, or by tags in a user's text."""
    fields = body.get("additionalModelRequestFields", {})
    if fields.get("thinking", {}).get("type") == "adaptive" or "reasoning" in fields:
        return "native"
    for _, message in conversation(body["conversationState"]):
        text = message.get("userInputMessage", {}).get("content", "")
        if re.search(r"<thinking_mode>(enabled|adaptive)</thinking_mode>", text):
            return "tagged"
    return None


def _read(text: str, start: int) -> Directive | None:
    try:
        value, end = JSON.raw_decode(text, start + len(START))
        turns = value["turns"]
    except (ValueError, LookupError, TypeError):
        end, turns = text.find(END, start), None
    if end < 0 or not text.startswith(END, end):
        return None
    return Directive(start, end + len(END), turns)


def _newest(state: dict[str, Any]) -> tuple[Directive, int] | None:
    """The newest directive, and how many turns of it were played."""
    played = 0
    for _, message in reversed(list(conversation(state))):
        if "assistantResponseMessage" in message:
            played += 1
            continue
        directives = list(find_directives(message["userInputMessage"]["content"]))
        if directives:
            return directives[-1], played
    return None


def _step(
    action: Mapping[str, Any], tools: Sequence[str], thinking: Thinking | None
) -> dict[str, Any] | None:
    if "tool" in action:
        name = _offered(action["tool"], tools)
        if name is None:
            return None
        return {"tool": name, "input": action.get("input", {})}
    if "thinking" in action:
        kind = {"native": "reasoning", "tagged": "thinking", None: None}[thinking]
        return {kind: action["thinking"]} if kind else None
    if "text" in action:
        return {"text": [*cut_up(action["text"], TEXT_PIECE)]}
    return dict(action)


def _offered(wanted: str | list[str], tools: Sequence[str]) -> str | None:
    names = [wanted] if isinstance(wanted, str) else wanted
    for name in names:
        if name in tools:
            return name
        if len(name) >= LONGEST_TOOL_NAME and (near := _shortened(name, tools)):
            return near
    return None


def _shortened(name: str, tools: Sequence[str]) -> str | None:
    """The tool under which a client offers a name that is too long for the service."""
    nearest = max(tools, key=lambda tool: _common(name, tool), default=None)
    if nearest is None or _common(name, nearest) < SHORTEST_KEPT_PREFIX:
        return None
    return nearest


def _common(one: str, other: str) -> int:
    return len(os.path.commonprefix([one, other]))
