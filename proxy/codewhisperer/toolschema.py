"""A tool's JSON schema as CodeWhisperer takes it, its meaning kept.

What the service refuses is written another way where there is one (references
are put in place, alternatives at the top merged), and said in the description
where there is none. A schema never makes a request fail here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import msgspec

from proxy.codewhisperer.names import MAX_DEPTH, shortened

MAX_PROPERTY_NAME = 64
MAX_INLINED = 1_000
"""References put in place per schema; nested ones multiply."""
_INT32 = 2**31
_EXCLUSIVE = {"exclusiveMinimum": "Greater than", "exclusiveMaximum": "Less than"}
_TYPES = frozenset(
    ("string", "number", "integer", "boolean", "object", "array", "null")
)

_DROPPED = frozenset(("$schema", "$id", "$ref", "$defs", "definitions", "strict"))
"""R-SCHEMA-KEYWORDS: say nothing that a model could use, or stand in place."""
_MAY_BE_NULL = frozenset(("const", "default"))
"""For any other keyword null is a way to leave it out (R-SCHEMA-NULL)."""
_SUBSCHEMAS = frozenset(
    ("items", "contains", "not", "if", "then", "else", "propertyNames")
)
_SUBSCHEMA_LISTS = frozenset(("anyOf", "oneOf", "allOf", "prefixItems"))
_SUBSCHEMA_MAPS = frozenset(("patternProperties", "dependentSchemas"))
_NESTING = _SUBSCHEMAS | _SUBSCHEMA_LISTS | _SUBSCHEMA_MAPS

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
            if keyword in _DROPPED or (value is None and keyword not in _MAY_BE_NULL):
                continue
            if keyword == "properties":
                repaired[keyword] = self._properties(value, depth, refs)
            elif keyword == "required":
                if required := self._required(value):
                    repaired[keyword] = required
            elif keyword == "type":
                if known := _known_types(value):
                    repaired[keyword] = known
            elif keyword == "items" and isinstance(value, list):
                # R-SCHEMA-TUPLE: in the newer of its two spellings.
                if prefix := self._nested("prefixItems", value, depth, refs):
                    repaired["prefixItems"] = prefix
            elif keyword in _NESTING:
                if (nested := self._nested(keyword, value, depth, refs)) is not None:
                    repaired[keyword] = nested
            elif (words := _in_words(keyword, value)) is not None:
                remarks.append(words)
            else:
                repaired[keyword] = value
        _describe(repaired, remarks)
        return repaired

    def _nested(
        self, keyword: str, value: object, depth: int, refs: tuple[str, ...]
    ) -> Schema | list[Schema] | None:
        """None for a value that the keyword cannot have."""
        match value:
            case Mapping() if keyword in _SUBSCHEMAS:
                return self.level(value, depth + 1, refs)
            case Mapping() if keyword in _SUBSCHEMA_MAPS:
                return {k: self.level(v, depth + 1, refs) for k, v in value.items()}
            case [_, *_] if keyword in _SUBSCHEMA_LISTS:
                return [self.level(schema, depth + 1, refs) for schema in value]
            case _:
                return None

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


def _known_types(value: object) -> str | list[str]:
    """R-SCHEMA-TYPE: what is no type of JSON (`any`, `file`) says nothing."""
    if isinstance(value, str):
        return value if value in _TYPES else ""
    names = value if isinstance(value, list) else []
    return [name for name in names if isinstance(name, str) and name in _TYPES]


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
    """R-SCHEMA-OPEN and R-SCHEMA-BOUNDS: what a keyword that cannot be sent says;
    None for one that can."""
    if keyword == "additionalProperties":
        says_more = isinstance(value, Mapping) and value
        return f"Other properties: {_json(value)}." if says_more else ""
    if keyword in _EXCLUSIVE:
        if isinstance(value, bool):  # as older drafts have it
            return None
        return f"{_EXCLUSIVE[keyword]} {value}." if _is_number(value) else ""
    if keyword in ("minimum", "maximum"):
        # Beyond 32 bits: the range of somebody's integers, no rule of the tool.
        return None if _is_number(value) and -_INT32 < value < _INT32 else ""
    return None


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _describe(schema: Schema, remarks: Iterable[str]) -> None:
    if words := " ".join(filter(None, remarks)):
        description = schema.get("description")
        own = description if isinstance(description, str) else ""
        schema["description"] = f"{own} {words}".strip()


def _merge_alternatives(schema: Schema) -> None:
    """R-SCHEMA-TOP: no allOf, anyOf, oneOf at the top: their properties become
    the schema's own, required where every alternative requires them."""
    for keyword in ("allOf", "anyOf", "oneOf"):
        variants = schema.pop(keyword, None)
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
