"""Structured output: what is asked for, what fits, and what a schema may do."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.errors import BadRequest
from proxy.formats import Format, asked, asked_again, bare, misfit, read_format
from proxy.messages import Message, Prompt, Text, Tool

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}
HI = Prompt("m", (Message("user", (Text("Hi"),)),), "Be brief.")


def of(schema: dict[str, Any]) -> Format:
    wanted = read_format("json_schema", schema, "response_format")
    assert wanted is not None
    return wanted


def doubling(depth: int) -> dict[str, Any]:
    """Small, and 2 ** depth steps to check."""
    defs: dict[str, Any] = {
        f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(depth)
    }
    defs[f"a{depth}"] = {"type": "object"}
    return {"$defs": defs, "$ref": "#/$defs/a0"}


@pytest.mark.parametrize("kind", [None, "text"])
def test_plain_text_is_no_format(kind: Any):
    assert read_format(kind, None, "response_format") is None


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        ("json_schema", None),
        ("json_schema", {"type": "no such type"}),
        ("json_schema", {"properties": []}),
        ("grammar", None),
    ],
)
def test_formats_that_cannot_be_are_refused_by_name(kind: str, schema: Any):
    with pytest.raises(BadRequest) as caught:
        read_format(kind, schema, "response_format")
    assert caught.value.param == "response_format"


def test_the_form_is_asked_for_in_the_system_text():
    system = asked(HI, of(CITY)).system
    assert system.startswith("Be brief.\n\nAnswer with one JSON value")
    assert '"required":["city"]' in system
    assert "JSON object" in asked(HI, Format("response_format")).system


def test_tools_may_be_called_first():
    prompt = Prompt("m", HI.messages, tools=(Tool("time", "", {}),))
    assert "tools may be called" in asked(prompt, of(CITY)).system
    assert "tools" not in asked(HI, of(CITY)).system


def test_a_second_attempt_knows_the_first_and_its_fault():
    prompt = asked_again(HI, "oops", "it is not JSON")
    first, answer, complaint = prompt.messages
    assert (first, prompt.system) == (HI.messages[0], HI.system)
    assert answer == Message("assistant", (Text("oops"),))
    [text] = complaint.parts
    assert complaint.role == "user"
    assert isinstance(text, Text)
    assert "it is not JSON" in text.text


@pytest.mark.parametrize(
    ("answer", "json"),
    [
        ('{"a":1}', '{"a":1}'),
        (' \n{"a":1}\n', '{"a":1}'),
        ('```json\n{"a":1}\n```', '{"a":1}'),
        ('```\n{\n  "a": 1\n}\n```\n', '{\n  "a": 1\n}'),
        ('Here it is:\n```json\n{"a":1}\n```\nBye.', '{"a":1}'),
        ('{"a":"```json\\n1\\n```"}', '{"a":"```json\\n1\\n```"}'),
        ("Sorry.", "Sorry."),
    ],
)
def test_fences_are_taken_off(answer: str, json: str):
    assert bare(answer) == json


@pytest.mark.parametrize("answer", ['{"city":"Oslo"}', '{"city":"Oslo","degrees":3}'])
def test_answers_that_fit(answer: str):
    assert misfit(answer, of(CITY)) is None
    assert misfit(answer, Format("response_format")) is None


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("", "it is not JSON"),
        ('{"city":"Os', "it is not JSON"),
        ('{"degrees":3}', "'city' is a required property"),
        ('{"city":"Oslo","degrees":"3"}', "$.degrees: '3' is not of type 'integer'"),
        ('{"city":"Oslo","more":1}', "Additional properties"),
        ("[1]", "is not of type 'object'"),
        ("[" * 100_000 + "]" * 100_000, "it is not JSON"),
    ],
)
def test_answers_that_do_not_fit(answer: str, fault: str):
    assert fault in (misfit(answer, of(CITY)) or "")


def test_any_object_means_an_object():
    assert misfit("[1]", Format("response_format")) == "it is not a JSON object"


def test_expressions_of_strangers_are_not_run():
    forever = {
        "type": "object",
        "patternProperties": {"^(a+)+$": {"type": "string", "pattern": "^(a+)+$"}},
        "additionalProperties": False,
        "unevaluatedProperties": False,
        "propertyNames": {"pattern": "^(a+)+$"},
    }
    answer = f'{{"{"a" * 60}!":"{"a" * 60}!"}}'
    assert misfit(answer, of(forever)) is None


def test_references_are_followed_within_the_schema():
    schema = {
        "$defs": {"city": CITY},
        "type": "array",
        "items": {"$ref": "#/$defs/city"},
    }
    assert misfit('[{"city":"Oslo"}]', of(schema)) is None
    assert "required" in (misfit("[{}]", of(schema)) or "")


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$ref": "#/$defs/nowhere"},
        {"$ref": "#"},
        doubling(40),
    ],
)
def test_a_schema_that_cannot_be_checked_is_refused(schema: dict[str, Any]):
    with pytest.raises(BadRequest) as caught:
        misfit("{}", of(schema))
    assert caught.value.param == "response_format"
