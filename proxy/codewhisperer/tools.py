"""Tools as CodeWhisperer takes them: which are offered, and how they are spelt.

There is no tool choice upstream: it is made by what is offered, and said in the
system text. A tool that the history names must be defined, whatever the choice.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from proxy.codewhisperer.names import ToolNames, name_tools
from proxy.codewhisperer.toolschema import repair_schema
from proxy.messages import Prompt, Tool, ToolChoice, ToolUse

MAX_DESCRIPTION = 10_240
"""Characters; the service refuses longer ones."""

_CONTINUED = " (Continued in the system text under the name of this tool.)"
_GONE = "Was used earlier in this conversation and is not available any more."


@dataclass(frozen=True, slots=True)
class OfferedTools:
    specifications: list[dict[str, Any]]
    notes: list[str]
    """For the system text: what of descriptions and choice has no other place."""
    names: ToolNames


def offer_tools(prompt: Prompt, max_description: int) -> OfferedTools:
    """`max_description` is in characters; what is over it becomes a note."""
    tools = _chosen(prompt)
    repaired = {tool.name: repair_schema(tool.schema) for tool in tools}
    names = name_tools(
        repaired,
        {
            name: fixed.properties
            for name, fixed in repaired.items()
            if fixed.properties
        },
    )
    notes: list[str] = []
    limit = min(max_description, MAX_DESCRIPTION)
    specifications: list[dict[str, Any]] = []
    for tool in tools:
        name = names.upstream[tool.name]
        specifications.append(
            {
                "toolSpecification": {
                    "name": name,
                    "description": _description(tool, name, limit, notes),
                    "inputSchema": {"json": repaired[tool.name].schema},
                }
            }
        )
    if specifications:
        notes += _choice_in_words(prompt.tool_choice, names)
    return OfferedTools(specifications, notes, names)


def _chosen(prompt: Prompt) -> list[Tool]:
    """R-TOOL-CHOICE: what may be called. R-TOOL-PLACEHOLDER: what the history
    names is defined in any case, if need be by its name alone."""
    declared: dict[str, Tool] = {}
    for tool in prompt.tools:
        declared.setdefault(tool.name, tool)  # R-TOOL-DUPLICATE
    used = dict.fromkeys(
        part.name
        for message in prompt.messages
        for part in message.parts
        if isinstance(part, ToolUse)
    )
    callable_ = _callable(prompt.tool_choice, declared)
    offered = [t for t in declared.values() if t.name in callable_ or t.name in used]
    return offered + [Tool(name, _GONE, {}) for name in used if name not in declared]


def _callable(choice: ToolChoice, declared: Collection[str]) -> Collection[str]:
    match choice.mode:
        case "none":
            return ()
        case "named" if choice.name in declared:
            return (choice.name,)
        case "auto" | "any" | "named":
            return declared


def _description(tool: Tool, name: str, limit: int, notes: list[str]) -> str:
    """R-TOOL-DESCRIPTION: not empty, not over the limit, and nothing cut off."""
    description = tool.description if tool.description.strip() else tool.name or name
    if len(description) <= limit:
        return description
    keep = max(limit - len(_CONTINUED), 0)
    notes.append(f"Tool {name}, description continued:\n{description[keep:]}")
    return (description[:keep] + _CONTINUED)[:limit]


def _choice_in_words(choice: ToolChoice, names: ToolNames) -> list[str]:
    one_at_a_time = [] if choice.parallel else ["Call at most one tool."]
    match choice.mode:
        case "none":
            return ["Do not call any tool; answer in text."]
        case "any":
            return ["You must call a tool in this answer.", *one_at_a_time]
        case "named" if choice.name in names.upstream:
            name = names.upstream[choice.name]
            return [f"You must call the tool {name} in this answer.", *one_at_a_time]
        case "auto" | "named":
            return one_at_a_time
