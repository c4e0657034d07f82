"""A tool's JSON schema as CodeWhisperer takes it, its meaning kept.

What the service refuses is written another way where there is one (references
are put in place, alternatives at the top merged), and said in the description
where there is none. A schema never makes a request fail here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from proxy.codewhisperer.names import MAX_DEPTH, shortened

MAX_PROPERTY_NAME = 64
MAX_INLINED = 1_000
"""References put in place per schema; nested ones multiply."""
_INT32 = 2**31

_DROPPED = frozenset(("$schema", "$id", "$ref", "$defs", "definitions", "strict"))
"""R-SCHEMA-KEYWORDS: say nothing that a model could use, or stand in place."""
_SUBSCHEMAS = frozenset(
    ("items", "contains", "not", "if", "then", "else", "propertyNames")
)
_SUBSCHEMA_LISTS = frozenset(("anyOf", "oneOf", "allOf", "prefixItems", "items"))
_SUBSCHEMA_MAPS = frozenset(("patternProperties", "dependentSchemas"))

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RepairedSchema:
    schema: Schema
    properties: Mapping[str, str]
    """The short names given to properties, and what the client calls them."""


def repair_schema(schema: Mapping[str, Any]) -> RepairedSchema:
    repair = _Repair(schema)
    repaired = repair.level(schema, 0, ())
    _merge_alternatives(repaired)
    repaired["type"] = "object"  # R-SCHEMA-TYPE
    repaired.setdefault("properties", {})
    return RepairedSchema(repaired, repair.properties)


@dataclass(slots=True)
class _Repair:
    root: Mapping[str, Any]
    properties: dict[str, str] = field(default_factory=dict)
    inlined: int = 0

    def level(self, schema: object, depth: int, refs: tuple[str, ...]) -> Schema:
        """One level of a schema; `refs` are the references we are inside of."""
        if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
            return {}
        remarks: list[str] = []
        if "$ref" in schema:
            schema, refs = self._inlined(schema, refs, remarks)
        repaired: Schema = {}
        for keyword, value in schema.items():
            if keyword in _DROPPED:
                continue
            if keyword == "properties":
                repaired[keyword] = self._properties(value, depth, refs)
            elif keyword == "required":
                if required := self._required(value):
                    repaired[keyword] = required
            elif keyword in _SUBSCHEMAS and isinstance(value, Mapping):
                repaired[keyword] = self.level(value, depth + 1, refs)
            elif keyword in _SUBSCHEMA_LISTS and isinstance(value, list):
                repaired[keyword] = [self.level(s, depth + 1, refs) for s in value]
            elif keyword in _SUBSCHEMA_MAPS and isinstance(value, Mapping):
                repaired[keyword] = {
                    name: self.level(s, depth + 1, refs) for name, s in value.items()
                }
            elif (words := _in_words(keyword, value)) is not None:
                remarks.append(words)
            else:
                repaired[keyword] = value
        _describe(repaired, remarks)
        return repaired

    def _inlined(
        self, schema: Mapping[str, Any], refs: tuple[str, ...], remarks: list[str]
    ) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """R-SCHEMA-REF: what a reference points at takes its place, unless that
        would never end."""
        while isinstance(ref := schema.get("$ref"), str):
            beside = {name: value for name, value in schema.items() if name != "$ref"}
            target = _follow(self.root, ref)
            self.inlined += 1
            if target is None or ref in refs or self.inlined > MAX_INLINED:
                remarks.append(f"The same as {ref.rsplit('/', 1)[-1] or 'the whole'}.")
                return beside, refs
            schema, refs = {**target, **beside}, (*refs, ref)
        return schema, refs

    def _properties(
        self, properties: object, depth: int, refs: tuple[str, ...]
    ) -> Schema:
        if not isinstance(properties, Mapping):
            return {}
        return {
            self._property(name, properties): self.level(schema, depth + 1, refs)
            for name, schema in properties.items()
        }

    def _property(self, name: str, taken: Iterable[str] = ()) -> str:
        """R-PROPERTY-NAME: not over 64 characters, and restored on the way out."""
        if len(name) <= MAX_PROPERTY_NAME:
            return name
        for short in shortened(name, MAX_PROPERTY_NAME):
            if short not in taken and self.properties.get(short, name) == name:
                self.properties[short] = name
                return short
        raise AssertionError("a whole SHA-256 met another")

    def _required(self, required: object) -> list[str]:
        """R-SCHEMA-REQUIRED: names only, each once; left out when there are none."""
        names = required if isinstance(required, list) else []
        return [
            self._property(name)
            for name in dict.fromkeys(name for name in names if isinstance(name, str))
        ]


def _follow(root: Mapping[str, Any], ref: str) -> Mapping[str, Any] | None:
    """What a JSON pointer into the same schema (`#/$defs/Point`) points at."""
    if not ref.startswith("#"):
        return None
    found: Any = root
    for step in ref[1:].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _in_words(keyword: str, value: object) -> str | None:
    """What a keyword that cannot be sent says; None for one that can."""
    match keyword, value:
        case "exclusiveMinimum", int() | float() if not isinstance(value, bool):
            return f"Greater than {value}."
        case "exclusiveMaximum", int() | float() if not isinstance(value, bool):
            return f"Less than {value}."
        case (("minimum" | "maximum"), int() | float()) if abs(value) >= _INT32:
            return ""  # the range of somebody's integers, not a rule of the tool
        case "additionalProperties", {**schema} if schema:
            return f"Other properties: {msgspec.json.encode(schema).decode()}."
        case "additionalProperties", _:
            return ""
        case _:
            return None


def _describe(schema: Schema, remarks: Iterable[str]) -> None:
    if words := " ".join(filter(None, remarks)):
        description = schema.get("description")
        own = description if isinstance(description, str) else ""
        schema["description"] = f"{own} {words}".strip()


def _merge_alternatives(schema: Schema) -> None:
    """R-SCHEMA-TOP: no allOf, anyOf, oneOf at the top: their properties become
    the schema's own, required where every alternative requires them."""
    for keyword in ("allOf", "anyOf", "oneOf"):
        variants = [v for v in schema.pop(keyword, []) if isinstance(v, Mapping)]
        if not variants:
            continue
        properties = schema.setdefault("properties", {})
        for variant in variants:
            for name, value in variant.get("properties", {}).items():
                properties.setdefault(name, value)
        required = [variant.get("required", []) for variant in variants]
        shared = [
            name
            for name in dict.fromkeys(name for names in required for name in names)
            if keyword == "allOf" or all(name in names for names in required)
        ]
        if everything := [*schema.get("required", []), *shared]:
            schema["required"] = list(dict.fromkeys(everything))
        if keyword != "allOf" and any(set(names) - set(shared) for names in required):
            choices = "; ".join(", ".join(names) or "none" for names in required)
            _describe(schema, [f"Needs one of these sets of properties: {choices}."])
