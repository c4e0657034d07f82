"""Tools as the Responses API spells them, and the one form they have here.

A tool of a namespace is offered under the names of both, and what is said of the
namespace (Codex: the instructions of an MCP server) is said to the model; a custom
tool, whose input is plain text, is a function with that text for its one argument.
What the API's own servers would run is not offered; a search of the web is done here.
A conversation may bring tools of its own, in items among what was said: Codex has
all of its tools in one for the models that it knows. The latest word on a tool holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.errors import BadRequest
from proxy.messages import Tool, ToolChoice, WebSearch
from proxy.openai_input import convert
from proxy.responses.schemas import (
    AdditionalToolsItem,
    CustomTool,
    FunctionTool,
    Item,
    NamespaceTool,
    ResponsesBody,
    SearchTool,
    ToolChoiceIn,
)

INPUT = "input"
"""The one argument of a custom tool."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How the client names its tools, by the name they are offered under."""

    custom: frozenset[str] = frozenset()
    namespaces: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Namespace and name."""

    def names(self, offered: str) -> dict[str, str]:
        if offered not in self.namespaces:
            return {"name": offered}
        namespace, name = self.namespaces[offered]
        return {"name": name, "namespace": namespace}


@dataclass(frozen=True, slots=True)
class Offer:
    tools: tuple[Tool, ...]
    choice: ToolChoice
    web_search: WebSearch | None
    spelling: Spelling
    told: tuple[str, ...]
    """What the model is told of them as a whole."""
    unhonoured: tuple[str, ...]


def joined(name: str, namespace: str | None) -> str:
    return f"{namespace}__{name}" if namespace else name


def read_tools(body: ResponsesBody, items: Sequence[Item]) -> Offer:
    """Those of the request, and those that its items bring."""
    reader = _Reader()
    reader.read_list(body.tools or (), "tools")
    for at, item in enumerate(items):
        if item.get("type") == "additional_tools":
            path = f"input.{at}"
            brought = convert(item, AdditionalToolsItem, path)
            reader.read_list(brought.tools, f"{path}.tools")
    choice, allowed = _choice(body)
    return Offer(
        tuple(
            tool
            for name, tool in reader.tools.items()
            if not allowed or name in allowed
        ),
        choice,
        reader.web_search,
        Spelling(frozenset(reader.custom), reader.namespaces),
        tuple(reader.told.values()),
        tuple(reader.unhonoured),
    )


class _Reader:
    def __init__(self) -> None:
        self.tools: dict[str, Tool] = {}
        self.custom: set[str] = set()
        self.namespaces: dict[str, tuple[str, str]] = {}
        self.told: dict[str, str] = {}
        self.web_search: WebSearch | None = None
        self.unhonoured: list[str] = []
        self._listed: set[str] = set()

    def read_list(self, tools: Sequence[Mapping[str, Any]], path: str) -> None:
        self._listed = set()
        for at, tool in enumerate(tools):
            self._read(tool, f"{path}.{at}")

    def _read(
        self, tool: Mapping[str, Any], path: str, namespace: str | None = None
    ) -> None:
        match tool.get("type", "function"):
            case "function":
                function = convert(tool, FunctionTool, path)
                self._add(
                    path,
                    namespace,
                    function.name,
                    function.description or "",
                    function.parameters or {},
                )
            case "custom":
                custom = convert(tool, CustomTool, path)
                schema = {
                    "type": "object",
                    "properties": {INPUT: {"type": "string"}},
                    "required": [INPUT],
                }
                name = self._add(
                    path, namespace, custom.name, "\n\n".join(_told(custom)), schema
                )
                self.custom.add(name)
            case "namespace":
                space = convert(tool, NamespaceTool, path)
                if space.description:
                    names = joined("", space.name)
                    self.told[space.name] = (
                        f"Of the tools whose names begin with {names}: "
                        f"{space.description}"
                    )
                for at, inner in enumerate(space.tools):
                    self._read(inner, f"{path}.tools.{at}", space.name)
            case str(kind) if kind.startswith("web_search"):
                self._read_search(convert(tool, SearchTool, path), path)
            case other:
                self.unhonoured.append(f"{path}.{other}")

    def _add(
        self,
        path: str,
        namespace: str | None,
        name: str,
        description: str,
        schema: Mapping[str, Any],
    ) -> str:
        if not name:
            raise BadRequest(f"{path}.name: must not be empty", param=f"{path}.name")
        offered = joined(name, namespace)
        if offered in self._listed:
            raise BadRequest(
                f"{path}.name: {offered} is there twice", param=f"{path}.name"
            )
        self._listed.add(offered)
        self.custom.discard(offered)
        self.namespaces.pop(offered, None)
        if namespace:
            self.namespaces[offered] = (namespace, name)
        self.tools[offered] = Tool(offered, description, schema)
        return offered

    def _read_search(self, tool: SearchTool, path: str) -> None:
        if tool.external_web_access is False:
            # Only what a search service has in store: ours goes to the web.
            self.unhonoured.append(f"{path}.web_search")
            return
        allowed = tool.filters.allowed_domains if tool.filters else None
        self.web_search = WebSearch(allowed_domains=tuple(allowed or ()))


def _told(tool: CustomTool) -> Iterator[str]:
    if tool.description:
        yield tool.description
    if tool.format and tool.format.definition:
        yield (
            f"The input must follow this {tool.format.syntax} grammar:\n"
            f"{tool.format.definition}"
        )


def _choice(body: ResponsesBody) -> tuple[ToolChoice, set[str]]:
    """The choice, and the names of the tools it leaves; empty: all."""
    parallel = body.parallel_tool_calls is not False
    match body.tool_choice:
        case "none":
            return ToolChoice("none", parallel=parallel), set()
        case "required":
            return ToolChoice("any", parallel=parallel), set()
        case dict():
            return _choice_of_tools(body.tool_choice, parallel)
        case _:
            return ToolChoice(parallel=parallel), set()


def _choice_of_tools(
    written: dict[str, Any], parallel: bool
) -> tuple[ToolChoice, set[str]]:
    choice = convert(written, ToolChoiceIn, "tool_choice")
    match choice.type:
        case "function" | "custom":
            name = joined(choice.name, choice.namespace)
            return ToolChoice("named", name, parallel), set()
        case "allowed_tools":
            allowed = (
                convert(tool, ToolChoiceIn, f"tool_choice.tools.{at}")
                for at, tool in enumerate(choice.tools)
            )
            names = {joined(tool.name, tool.namespace) for tool in allowed}
            forced = choice.mode == "required"
            return ToolChoice("any" if forced else "auto", parallel=parallel), names
        case _:
            return ToolChoice(parallel=parallel), set()
