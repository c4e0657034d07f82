"""Tools: names, descriptions, schemas, and which of them are offered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.codewhisperer.names import MAX_TOOL_NAME, fit_id, name_tools
from proxy.codewhisperer.tools import OfferedTools, offer_tools
from proxy.codewhisperer.toolschema import repair_schema
from proxy.messages import Message, Prompt, Text, Tool, ToolChoice, ToolUse
from proxy.tests.upstream_rules import NAME, check_schema

LONG = "mcp__a_server_with_a_rather_long_name__a_tool_with_a_rather_long_name"


@pytest.mark.parametrize("name", ["Read", "a", "x" * 63, "mcp__a__b", "9-lives_"])
def test_a_name_that_fits_is_kept(name):
    assert name_tools([name]).upstream == {name: name}


@pytest.mark.parametrize("name", [LONG, "x" * 64, "get weather", "wetter.größe", ""])
def test_another_name_is_mapped_and_restored(name):
    """R-TOOL-NAME"""
    names = name_tools([name])
    upstream = names.upstream[name]
    assert NAME.fullmatch(upstream)
    assert len(upstream) <= MAX_TOOL_NAME
    assert names.restore(upstream) == name
    assert name_tools(["Read", name]).upstream[name] == upstream, "whatever is beside"


def test_a_shortened_name_begins_like_the_long_one():
    assert name_tools([LONG]).upstream[LONG] == (
        "mcp__a_server_with_a_rather_long_name__a_tool_with_a_r_f8cc8677"
    )


def test_names_that_differ_by_case_alone_do_not_meet():
    """R-TOOL-NAME"""
    names = name_tools(["read", "Read", "READ"])
    assert names.upstream["read"] == "read"
    assert len({name.casefold() for name in names.upstream.values()}) == 3
    assert [names.restore(name) for name in names.upstream.values()] == [
        "read",
        "Read",
        "READ",
    ]


def test_no_shortened_name_takes_the_place_of_a_whole_one():
    taken = name_tools([LONG]).upstream[LONG]
    names = name_tools([LONG, taken])
    assert names.upstream[taken] == taken
    assert names.upstream[LONG] != taken
    assert names.restore(names.upstream[LONG]) == LONG


def test_upstream_may_answer_in_another_case():
    assert name_tools(["Read"]).restore("READ") == "Read"


@given(st.lists(st.text(alphabet="aAbB_ é.", max_size=70), max_size=20))
def test_names_never_meet_and_always_come_back(wanted):
    names = name_tools(wanted)
    assert set(names.upstream) == set(wanted)
    folded = {name.casefold() for name in names.upstream.values()}
    assert len(folded) == len(set(wanted))
    for name, upstream in names.upstream.items():
        assert NAME.fullmatch(upstream)
        assert len(upstream) <= MAX_TOOL_NAME
        assert names.restore(upstream) == name


@given(st.text(max_size=80))
def test_ids_fit_and_stay_the_same(tool_use_id):
    fitted = fit_id(tool_use_id)
    assert NAME.fullmatch(fitted)
    assert fit_id(tool_use_id) == fitted
    assert fit_id(fitted) == fitted


def offered(
    *tools: Tool,
    used: tuple[str, ...] = (),
    choice: ToolChoice = ToolChoice(),  # noqa: B008
    max_description: int = 10_000,
) -> OfferedTools:
    uses = tuple(ToolUse(f"t{n}", name, {}) for n, name in enumerate(used))
    messages = (Message("user", (Text("hi"),)), Message("assistant", uses))
    prompt = Prompt("m", messages, tools=tools, tool_choice=choice)
    return offer_tools(prompt, max_description)


def offered_names(tools: OfferedTools) -> list[str]:
    return [tool["toolSpecification"]["name"] for tool in tools.specifications]


def tool(name: str, description: str = "Does it.") -> Tool:
    return Tool(name, description, {"type": "object", "properties": {}})


def description_of(tools: OfferedTools) -> str:
    description = tools.specifications[0]["toolSpecification"]["description"]
    assert isinstance(description, str)
    return description


A, B, C = tool("a"), tool("b"), tool("c")


def test_a_tool_is_written_as_a_specification():
    assert offered(Tool("a", "Does it.", {"properties": None})).specifications == [
        {
            "toolSpecification": {
                "name": "a",
                "description": "Does it.",
                "inputSchema": {"json": {"type": "object", "properties": {}}},
            }
        }
    ]


@pytest.mark.parametrize("description", ["", " \n"])
def test_a_blank_description_becomes_the_name(description):
    """R-TOOL-DESCRIPTION"""
    assert description_of(offered(tool("a", description))) == "a"


def test_a_long_description_goes_on_in_the_notes():
    """R-TOOL-DESCRIPTION"""
    text = "".join(chr(ord("a") + n % 26) for n in range(300))
    tools = offered(tool("a", text), max_description=100)
    description = description_of(tools)
    pointer = " (Continued in the system text under the name of this tool.)"
    assert len(description) == 100
    assert description.endswith(pointer)
    (note,) = tools.notes
    assert note.startswith("Tool a, description continued:\n")
    rest = note.partition("\n")[2]
    assert description.removesuffix(pointer) + rest == text


@pytest.mark.parametrize("length", [1, 99, 100])
def test_a_description_within_the_limit_is_kept(length):
    tools = offered(tool("a", "x" * length), max_description=100)
    assert description_of(tools) == "x" * length
    assert tools.notes == []


def test_no_setting_lifts_the_limit_of_the_service():
    tools = offered(tool("a", "x" * 20_000), max_description=50_000)
    assert len(description_of(tools)) == 10_240


def test_a_name_that_is_too_long_for_a_description_is_not_cut_either():
    tools = offered(tool("n" * 200, ""), max_description=100)
    assert len(description_of(tools)) == 100
    assert "n" * 150 in tools.notes[0]


def test_of_two_tools_of_one_name_the_first_is_offered():
    """R-TOOL-DUPLICATE"""
    tools = offered(tool("a", "first"), tool("a", "second"))
    assert description_of(tools) == "first"
    assert len(tools.specifications) == 1


ANY, NONE = ToolChoice("any"), ToolChoice("none")
NAMED = ToolChoice("named", "b")
ALONE = ToolChoice(parallel=False)
CHOICES = [
    (ToolChoice(), (), ["a", "b", "c"], []),
    (ANY, (), ["a", "b", "c"], ["You must call a tool in this answer."]),
    (ALONE, (), ["a", "b", "c"], ["Call at most one tool."]),
    (NONE, (), [], []),
    (NONE, ("c",), ["c"], ["Do not call any tool; answer in text."]),
    (NAMED, (), ["b"], ["You must call the tool b in this answer."]),
    (NAMED, ("c", "d"), ["b", "c", "d"], ["You must call the tool b in this answer."]),
    (ToolChoice("named", "z"), (), ["a", "b", "c"], []),
    (ToolChoice(), ("d", "a", "d"), ["a", "b", "c", "d"], []),
]


@pytest.mark.parametrize(("choice", "used", "names", "notes"), CHOICES)
def test_the_choice_is_made_by_what_is_offered(choice, used, names, notes):
    """R-TOOL-CHOICE"""
    tools = offered(A, B, C, used=used, choice=choice)
    assert offered_names(tools) == names
    assert tools.notes == notes


def test_a_tool_of_the_history_alone_gets_a_placeholder():
    """R-TOOL-PLACEHOLDER"""
    tools = offered(used=("gone",))
    assert tools.specifications == [
        {
            "toolSpecification": {
                "name": "gone",
                "description": "Was used earlier in this conversation and is not "
                "available any more.",
                "inputSchema": {"json": {"type": "object", "properties": {}}},
            }
        }
    ]


def object_of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


STRING = {"type": "string"}
POINT = object_of(x={"type": "number"})

SCHEMAS: dict[str, tuple[Any, Any]] = {
    "nothing": ({}, object_of()),
    "R-SCHEMA-TYPE: none": ({"properties": {"a": STRING}}, object_of(a=STRING)),
    "R-SCHEMA-TYPE: another": (
        {"type": ["object", "null"], "properties": {"a": STRING}},
        object_of(a=STRING),
    ),
    "R-SCHEMA-NULL": (
        {"type": None, "properties": None, "required": None},
        object_of(),
    ),
    "R-SCHEMA-REQUIRED: cleaned": (
        {**object_of(a=STRING), "required": ["a", 1, None, "a"]},
        {**object_of(a=STRING), "required": ["a"]},
    ),
    "R-SCHEMA-REQUIRED: empty": (
        {**object_of(a=STRING), "required": []},
        object_of(a=STRING),
    ),
    "R-SCHEMA-KEYWORDS": (
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$id": "x",
            "strict": True,
            **object_of(strict=STRING),
        },
        object_of(strict=STRING),
    ),
    "properties named like keywords stay": (
        object_of(additionalProperties=STRING, required=STRING),
        object_of(additionalProperties=STRING, required=STRING),
    ),
    "R-SCHEMA-OPEN: as a switch": (
        {
            **object_of(a={**POINT, "additionalProperties": True}),
            "additionalProperties": False,
        },
        object_of(a=POINT),
    ),
    "R-SCHEMA-OPEN: as a schema": (
        object_of(a={"type": "object", "additionalProperties": STRING}),
        object_of(
            a={"type": "object", "description": 'Other properties: {"type":"string"}.'}
        ),
    ),
    "R-SCHEMA-BOUNDS: exclusive": (
        object_of(
            a={
                "type": "number",
                "description": "A share.",
                "exclusiveMinimum": 0,
                "exclusiveMaximum": 1.5,
            }
        ),
        object_of(
            a={
                "type": "number",
                "description": "A share. Greater than 0. Less than 1.5.",
            }
        ),
    ),
    "R-SCHEMA-BOUNDS: beyond 32 bits": (
        object_of(a={"type": "integer", "minimum": 1, "maximum": 9007199254740991}),
        object_of(a={"type": "integer", "minimum": 1}),
    ),
    "R-SCHEMA-BOUNDS: no numbers": (
        object_of(a={"type": "integer", "minimum": "1", "exclusiveMaximum": [2]}),
        object_of(a={"type": "integer"}),
    ),
    "R-SCHEMA-BOUNDS: of older drafts": (
        object_of(a={"type": "integer", "minimum": 1, "exclusiveMinimum": True}),
        object_of(a={"type": "integer", "minimum": 1, "exclusiveMinimum": True}),
    ),
    "R-SCHEMA-TYPE: unknown": (
        object_of(a={"type": "any"}, b={"type": ["file", "string", 1]}),
        object_of(a={}, b={"type": ["string"]}),
    ),
    "R-SCHEMA-TUPLE": (
        object_of(a={"type": "array", "items": [STRING, {"$id": "x"}]}),
        object_of(a={"type": "array", "prefixItems": [STRING, {}]}),
    ),
    "empty alternatives": (
        object_of(a={"anyOf": [], "items": []}),
        object_of(a={}),
    ),
    "R-SCHEMA-REF": (
        {
            **object_of(a={"$ref": "#/$defs/Point", "description": "Where."}),
            "$defs": {"Point": POINT},
        },
        object_of(a={**POINT, "description": "Where."}),
    ),
    "R-SCHEMA-REF: in a row, by the older word": (
        {
            **object_of(a={"type": "array", "items": {"$ref": "#/definitions/A~1B"}}),
            "definitions": {"A/B": {"$ref": "#/definitions/Point"}, "Point": POINT},
        },
        object_of(a={"type": "array", "items": POINT}),
    ),
    "R-SCHEMA-REF: without end": (
        {
            **object_of(a={"$ref": "#/$defs/Tree"}),
            "$defs": {"Tree": object_of(child={"$ref": "#/$defs/Tree"})},
        },
        object_of(a=object_of(child={"description": "The same as Tree."})),
    ),
    "R-SCHEMA-REF: to the whole": (
        object_of(a={"$ref": "#"}),
        object_of(a=object_of(a={"description": "The same as #."})),
    ),
    "R-SCHEMA-REF: to nowhere": (
        object_of(a={"$ref": "#/$defs/X"}, b={"$ref": "https://x.test/y.json"}),
        object_of(
            a={"description": "The same as X."},
            b={"description": "The same as y.json."},
        ),
    ),
    "R-SCHEMA-TOP: allOf": (
        {
            "allOf": [
                {**object_of(a=STRING), "required": ["a"]},
                {**object_of(b=STRING), "required": ["b"]},
            ]
        },
        {**object_of(a=STRING, b=STRING), "required": ["a", "b"]},
    ),
    "R-SCHEMA-TOP: anyOf": (
        {
            **object_of(c=STRING),
            "required": ["c"],
            "anyOf": [
                {**object_of(a=STRING, k=STRING), "required": ["a", "k"]},
                {**object_of(b=STRING, k=POINT), "required": ["b", "k"]},
            ],
        },
        {
            **object_of(c=STRING, a=STRING, k=STRING, b=STRING),
            "required": ["c", "k"],
            "description": "Needs one of these sets of properties: a, k; b, k.",
        },
    ),
    "R-SCHEMA-TOP: oneOf of no schemas": (
        {"oneOf": [True, None, {"type": "string"}]},
        object_of(),
    ),
    "anyOf deeper": (
        object_of(a={"anyOf": [STRING, {"$ref": "#/$defs/P"}]})
        | {"$defs": {"P": POINT}},
        object_of(a={"anyOf": [STRING, POINT]}),
    ),
    "what is understood": (
        object_of(
            a={
                "type": "array",
                "items": {"enum": ["x", None], "default": "x"},
                "minItems": 1,
            },
            b={"type": "string", "pattern": "^a", "format": "uri", "const": "a"},
        ),
        object_of(
            a={
                "type": "array",
                "items": {"enum": ["x", None], "default": "x"},
                "minItems": 1,
            },
            b={"type": "string", "pattern": "^a", "format": "uri", "const": "a"},
        ),
    ),
    "true for a schema": (object_of(a=True, b=False), object_of(a={}, b={})),
}


@pytest.mark.parametrize("case", SCHEMAS)
def test_a_schema_is_repaired(case):
    schema, expected = SCHEMAS[case]
    repaired = repair_schema(schema)
    assert repaired.schema == expected
    assert not repaired.properties
    check_schema(repaired.schema)


def test_long_property_names_are_shortened_everywhere_and_restored():
    """R-PROPERTY-NAME"""
    long = "the_identifier_of_the_thing_that_is_to_be_looked_up_in_the_database"
    schema = {**object_of(**{long: object_of(**{long: STRING})}), "required": [long]}
    repaired = repair_schema(schema)
    check_schema(repaired.schema)
    ((short, restored),) = repaired.properties.items()
    assert restored == long
    assert repaired.schema == {
        **object_of(**{short: object_of(**{short: STRING})}),
        "required": [short],
    }
    names = offered(Tool("t", "x", schema)).names
    value = {long: [{long: 1, "other": {long: None}}]}
    there = names.shorten_input("t", value)
    assert there == {short: [{short: 1, "other": {short: None}}]}
    assert names.restore_input("t", there) == value
    assert names.renames_input("t")
    assert not names.renames_input("other")


def test_two_long_property_names_never_meet():
    stem = "x" * 100
    repaired = repair_schema(object_of(**{f"{stem}{n}": STRING for n in range(50)}))
    assert len(repaired.schema["properties"]) == 50
    assert set(repaired.properties.values()) == {f"{stem}{n}" for n in range(50)}


def test_references_that_multiply_are_bounded():
    levels = {
        f"L{n}": object_of(
            a={"$ref": f"#/$defs/L{n + 1}"}, b={"$ref": f"#/$defs/L{n + 1}"}
        )
        for n in range(40)
    }
    repaired = repair_schema({**object_of(a={"$ref": "#/$defs/L0"}), "$defs": levels})
    check_schema(repaired.schema)


def test_a_schema_nested_beyond_all_measure_is_cut_off():
    schema: dict[str, Any] = {}
    for _ in range(5_000):
        schema = object_of(a=schema)
    check_schema(repair_schema(schema).schema)


keywords = st.sampled_from(
    [
        "type",
        "properties",
        "required",
        "items",
        "anyOf",
        "allOf",
        "$ref",
        "$defs",
        "additionalProperties",
        "exclusiveMinimum",
        "maximum",
        "description",
        "a",
    ]
)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["object", "a", "#/$defs/a", "#/properties/a", "#"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(keywords, inner, max_size=5)
    ),
    max_leaves=25,
)


@given(st.dictionaries(keywords, anything, max_size=6))
def test_any_schema_is_repaired_to_one_the_service_takes(schema):
    check_schema(repair_schema(schema).schema)
