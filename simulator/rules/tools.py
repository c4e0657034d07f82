"""What the service's model backends take as a tool."""

from collections.abc import Iterator, Mapping
from typing import Any

from simulator.rules.breach import Breach

LONGEST_PROPERTY_NAME = 64
INT32 = range(-(2**31), 2**31)
TYPES = frozenset(["string", "number", "integer", "boolean", "object", "array", "null"])

# Where schemas stand inside a schema.
ONE = ("items", "additionalProperties", "not", "contains", "propertyNames")
LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
NAMED = ("properties", "patternProperties", "$defs", "definitions")


def tool_breaches(tools: list[dict[str, Any]], path: str) -> Iterator[Breach]:
    names: set[str] = set()
    for index, tool in enumerate(tools):
        specification = tool.get("toolSpecification")
        if specification is None:
            continue
        where = f"{path}/{index}/toolSpecification"
        name = specification["name"].lower()
        if name in names:
            yield Breach("tool-duplicate", f"{where}/name")
        names.add(name)
        schema = specification["inputSchema"]["json"]
        yield from _top_breaches(schema, f"{where}/inputSchema/json")


def _top_breaches(schema: dict[str, Any], path: str) -> Iterator[Breach]:
    if schema.get("type") != "object":
        yield Breach("schema-object", f"{path}/type")
    if not isinstance(schema.get("properties"), dict):
        yield Breach("schema-properties", f"{path}/properties")
    if "$schema" in schema:
        yield Breach("schema-dialect", f"{path}/$schema")
    for keyword in ("oneOf", "anyOf", "allOf"):
        if keyword in schema:
            yield Breach("schema-combinators", f"{path}/{keyword}")
    yield from _schema_breaches(schema, path)


def _schema_breaches(schema: Any, path: str) -> Iterator[Breach]:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield Breach("schema-keyword", path)
        return
    if not _is_type(schema.get("type", "object")):
        yield Breach("schema-keyword", f"{path}/type")
    if "required" in schema and not _are_names(schema["required"]):
        yield Breach("schema-required", f"{path}/required")
    yield from _bound_breaches(schema, path)
    for keyword in ONE:
        if keyword in schema:
            yield from _schema_breaches(schema[keyword], f"{path}/{keyword}")
    for keyword in LISTS:
        if keyword in schema:
            yield from _list_breaches(schema[keyword], f"{path}/{keyword}")
    for keyword in NAMED:
        if keyword in schema:
            yield from _named_breaches(schema[keyword], f"{path}/{keyword}")


def _bound_breaches(schema: Mapping[str, Any], path: str) -> Iterator[Breach]:
    for keyword in ("exclusiveMinimum", "exclusiveMaximum"):
        if _is_number(schema.get(keyword)):
            yield Breach("schema-bounds", f"{path}/{keyword}")
    for keyword in ("minimum", "maximum"):
        bound = schema.get(keyword, 0)
        if not _is_number(bound) or not INT32.start <= bound < INT32.stop:
            yield Breach("schema-bounds", f"{path}/{keyword}")


def _list_breaches(schemas: Any, path: str) -> Iterator[Breach]:
    if not isinstance(schemas, list) or not schemas:
        yield Breach("schema-keyword", path)
        return
    for index, schema in enumerate(schemas):
        yield from _schema_breaches(schema, f"{path}/{index}")


def _named_breaches(schemas: Any, path: str) -> Iterator[Breach]:
    if not isinstance(schemas, dict):
        yield Breach("schema-properties", path)
        return
    for name, schema in schemas.items():
        if len(name) > LONGEST_PROPERTY_NAME:
            yield Breach("schema-property-name", f"{path}/{name}")
        yield from _schema_breaches(schema, f"{path}/{name}")


def _is_type(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(
        isinstance(name, str) and name in TYPES for name in names
    )


def _are_names(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(isinstance(name, str) for name in value)
        and len(set(value)) == len(value)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
