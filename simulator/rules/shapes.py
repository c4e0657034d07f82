"""The service's model of a request as data, and the walk that compares a body with it.

Each limit has a name: the `rule` of its shape. Three rules hold everywhere: `no-null`
(an absent member is left out), `required`, and `type`. A member that the model does
not know is no fault, the service skips it; it is noted all the same.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from simulator.rules.breach import Breach


@dataclass(frozen=True, slots=True)
class Text:
    rule: str = "type"
    low: int = 0
    high: int | None = None
    pattern: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    rule: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Flag:
    pass


@dataclass(frozen=True, slots=True)
class Number:
    rule: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Free:
    """A JSON object that the service hands on as it is; nulls inside are its own."""

    rule: str = "type"


@dataclass(frozen=True, slots=True)
class Items:
    item: "Shape"
    rule: str = "type"
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Structure:
    members: Mapping[str, "Shape"]
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Union:
    """Exactly one of the members."""

    rule: str
    members: Mapping[str, "Shape"]


Shape: TypeAlias = Text | Choice | Flag | Number | Free | Items | Structure | Union


@dataclass(slots=True)
class Findings:
    breaches: list[Breach] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def breach(self, rule: str, path: str) -> None:
        self.breaches.append(Breach(rule, path))


def walk(shape: Shape, value: Any, path: str, found: Findings) -> None:
    match shape:
        case _ if value is None:
            found.breach("no-null", path)
        case Text():
            _walk_text(shape, value, path, found)
        case Choice(rule, values):
            if not isinstance(value, str):
                found.breach("type", path)
            elif value not in values:
                found.breach(rule, path)
        case Flag():
            if not isinstance(value, bool):
                found.breach("type", path)
        case Number(rule, low, high):
            if isinstance(value, bool) or not isinstance(value, int):
                found.breach("type", path)
            elif not low <= value <= high:
                found.breach(rule, path)
        case Free(rule):
            if not isinstance(value, dict):
                found.breach(rule, path)
        case Items(item, rule, high):
            if not isinstance(value, list):
                found.breach("type", path)
                return
            if high is not None and len(value) > high:
                found.breach(rule, path)
            for index, child in enumerate(value):
                walk(item, child, f"{path}/{index}", found)
        case Structure():
            _walk_structure(shape, value, path, found)
        case Union():
            _walk_union(shape, value, path, found)


def _walk_text(shape: Text, value: Any, path: str, found: Findings) -> None:
    if not isinstance(value, str):
        found.breach("type", path)
        return
    too_long = shape.high is not None and len(value) > shape.high
    off_pattern = shape.pattern is not None and not shape.pattern.fullmatch(value)
    if len(value) < shape.low or too_long or off_pattern:
        found.breach(shape.rule, path)


def _walk_structure(shape: Structure, value: Any, path: str, found: Findings) -> None:
    if not isinstance(value, dict):
        found.breach("type", path)
        return
    for name in shape.required:
        if name not in value:
            found.breach("required", f"{path}/{name}")
    _walk_members(shape.members, value, path, found)


def _walk_union(shape: Union, value: Any, path: str, found: Findings) -> None:
    if not isinstance(value, dict):
        found.breach("type", path)
        return
    if sum(name in shape.members for name in value) != 1:
        found.breach(shape.rule, path)
    _walk_members(shape.members, value, path, found)


def _walk_members(
    members: Mapping[str, Shape], value: dict[str, Any], path: str, found: Findings
) -> None:
    for name, child in value.items():
        if name in members:
            walk(members[name], child, f"{path}/{name}", found)
        else:
            found.unknown.append(f"{path}/{name}")
            if child is None:
                found.breach("no-null", f"{path}/{name}")
