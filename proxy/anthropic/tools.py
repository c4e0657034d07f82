"""Declared tools -> those the model is offered now.

Which they are changes within a conversation: a deferred tool is left out until
something in the history refers to it, and messages of role system may add and
remove tools. Tools that run on the API's own side cannot be had here, but for the
web search; they are named as not honoured, and refused where nothing else is left.
Dropped knowingly: strict, input_examples, allowed_callers, eager_input_streaming.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence

from proxy import searchtool
from proxy.anthropic.content import decode_block
from proxy.anthropic.definedtools import defined_tool
from proxy.anthropic.schemas import (
    Block,
    CompactionBlock,
    MessageIn,
    ToolChangeBlock,
    ToolChoiceIn,
    ToolIn,
)
from proxy.errors import BadRequest
from proxy.messages import Tool, ToolChoice, WebSearch

logger = logging.getLogger(__name__)

# A type of the API's own, as in web_search_20250305.
_TYPE = re.compile(r"([a-z0-9_]{1,40})_(\d{8})")
_REFUSED = ("computer", "computer_toolset", "browser_toolset")
_SEARCHES_TOOLS = "tool_search_tool_"


class OfferedTools:
    def __init__(self) -> None:
        self.declared: dict[str, Tool] = {}
        self.web_search: WebSearch | None = None
        self.unhonoured: list[str] = []
        self._hidden: set[str] = set()
        """Declared, but not offered yet or any more."""

    @property
    def offered(self) -> tuple[Tool, ...]:
        return tuple(
            tool for name, tool in self.declared.items() if name not in self._hidden
        )

    def has(self, name: str) -> bool:
        """Whether it was declared, offered or not."""
        searches = self.web_search is not None
        return name in self.declared or (searches and name == searchtool.NAME)

    def show(self, name: str) -> None:
        self._hidden.discard(name)

    def show_all(self) -> None:
        self._hidden.clear()

    def declare(self, tool: ToolIn, path: str) -> None:
        kind, date = _kind(tool)
        if kind in _REFUSED:
            where = f"{path}.type"
            raise BadRequest(f"{where}: {tool.type} is not available", param=where)
        if kind == searchtool.NAME:
            self._declare_search(tool, path)
        elif usable := defined_tool(kind, date, tool.name) or _custom(tool):
            self._declare_usable(usable, f"{path}.name")
            if tool.defer_loading:
                self._hidden.add(tool.name)
        else:
            self.unhonoured.append(f"{path}.{tool.type}" if date else path)

    def follow(self, block: Block) -> None:
        """What a block of the conversation says about the tools, if it does."""
        match block.get("type"):
            case "tool_result":
                for name in _references(block):
                    self.show(name)
            case "tool_addition":
                reference = decode_block(block, ToolChangeBlock, "").tool
                if reference.definition:
                    self.declared.pop(reference.definition.name, None)
                    self.declare(reference.definition, "messages")
                else:
                    self.show(reference.name)
            case "tool_removal":
                self._hidden.add(decode_block(block, ToolChangeBlock, "").tool.name)
            case "compaction":
                for change in decode_block(block, CompactionBlock, "").tool_changes:
                    self.follow(change)

    def _declare_search(self, tool: ToolIn, path: str) -> None:
        if tool.user_location:
            self.unhonoured.append(f"{path}.user_location")
        self._refuse_second(searchtool.NAME, f"{path}.name")
        self.web_search = WebSearch(
            tool.max_uses,
            tuple(tool.allowed_domains or ()),
            tuple(tool.blocked_domains or ()),
        )

    def _declare_usable(self, tool: Tool, where: str) -> None:
        if not tool.name:
            raise BadRequest(f"{where}: must not be empty", param=where)
        self._refuse_second(tool.name, where)
        self.declared[tool.name] = tool

    def _refuse_second(self, name: str, where: str) -> None:
        if self.has(name):
            raise BadRequest(f"{where}: {name} is there twice", param=where)


def decode_tools(
    declared: Sequence[ToolIn], messages: Sequence[MessageIn]
) -> OfferedTools:
    tools = OfferedTools()
    for at, tool in enumerate(declared):
        tools.declare(tool, f"tools.{at}")
    if tools.unhonoured and not (tools.declared or tools.web_search):
        path = tools.unhonoured[0]
        raise BadRequest(f"{path}: this tool is not available here", param=path)
    if any((tool.type or "").startswith(_SEARCHES_TOOLS) for tool in declared):
        tools.show_all()  # nothing here could find the deferred ones
    for message in messages:
        for block in message.content if isinstance(message.content, list) else ():
            try:
                tools.follow(block)
            except BadRequest as fault:
                logger.debug("passed over a change of tools: %s", fault)
    return tools


def decode_tool_choice(choice: ToolChoiceIn | None, tools: OfferedTools) -> ToolChoice:
    if choice is None:
        return ToolChoice()
    parallel = not choice.disable_parallel_tool_use
    match choice.type:
        case "any":
            return ToolChoice("any", parallel=parallel)
        case "none":
            return ToolChoice("none", parallel=parallel)
        case "tool":
            name = choice.name or ""
            if not tools.has(name):
                where = "tool_choice.name"
                raise BadRequest(f"{where}: no such tool", param=where)
            tools.show(name)
            return ToolChoice("named", name, parallel)
        case _:
            return ToolChoice(parallel=parallel)


def _kind(tool: ToolIn) -> tuple[str, str]:
    """A type of the API's own without its date, and the date."""
    found = _TYPE.fullmatch(tool.type or "")
    return (found[1], found[2]) if found else ("", "")


def _custom(tool: ToolIn) -> Tool | None:
    if tool.type in (None, "custom") or tool.input_schema is not None:
        return Tool(tool.name, tool.description or "", tool.input_schema or {})
    return None


def _references(result: Block) -> Iterator[str]:
    content = result.get("content")
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and part.get("type") == "tool_reference":
            yield str(part.get("tool_name"))
