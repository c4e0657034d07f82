"""What the service's model backends take as a tool."""

from collections.abc import Callable, Iterator
from typing import Any

from simulator.rules.breach import Breach

LONGEST_PROPERTY_NAME = 64
INT32 = range(-(2**31), 2**31)
TYPES = frozenset(["string", "number", "integer", "boolean", "object", "array", "null"])


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
    if "properties" not in schema:
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
    for keyword, value in schema.items():
        check = CHECKS.get(keyword)
        if check is not None:
            yield from check(value, f"{path}/{keyword}")


def _type_breaches(value: Any, path: str) -> Iterator[Breach]:
    names = value if isinstance(value, list) else [value]
    if not names or any(name not in TYPES for name in map(str, names)):
        yield Breach("schema-keyword", path)


def _required_breaches(value: Any, path: str) -> Iterator[Breach]:
    if (
        not isinstance(value, list)
        or not all(isinstance(name, str) for name in value)
        or len(set(value)) < len(value)
    ):
        yield Breach("schema-required", path)


def _exclusive_bound_breaches(value: Any, path: str) -> Iterator[Breach]:
    # As a boolean, of older drafts, it is taken.
    if not isinstance(value, bool):
        yield Breach("schema-bounds", path)


def _bound_breaches(value: Any, path: str) -> Iterator[Breach]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not INT32.start <= value < INT32.stop:
        yield Breach("schema-bounds", path)


def _list_breaches(value: Any, path: str) -> Iterator[Breach]:
    if not isinstance(value, list) or not value:
        yield Breach("schema-keyword", path)
        return
    for index, schema in enumerate(value):
        yield from _schema_breaches(schema, f"{path}/{index}")


def _named_breaches(value: Any, path: str) -> Iterator[Breach]:
    if not isinstance(value, dict):
        yield Breach("schema-properties", path)
        return
    for name, schema in value.items():
        if len(name) > LONGEST_PROPERTY_NAME:
            yield Breach("schema-property-name", f"{path}/{name}")
        yield from _schema_breaches(schema, f"{path}/{name}")


CHECKS: dict[str, Callable[[Any, str], Iterator[Breach]]] = {
    "type": _type_breaches,
    "required": _required_breaches,
    "exclusiveMinimum": _exclusive_bound_breaches,
    "exclusiveMaximum": _exclusive_bound_breaches,
    "minimum": _bound_breaches,
    "maximum": _bound_breaches,
    **dict.fromkeys(("anyOf", "oneOf", "allOf", "prefixItems"), _list_breaches),
    **dict.fromkeys(
        ("properties", "patternProperties", "$defs", "definitions"), _named_breaches
    ),
    **dict.fromkeys(
        ("items", "additionalProperties", "not", "contains", "propertyNames"),
        _schema_breaches,
    ),
}
