"""Structured output: an answer that is one JSON value of a wanted form.

Upstream knows nothing of it. The form is asked for in the system text, and what
comes is checked before the client sees any of it. Not checked: `format`, and the
regular expressions of `pattern` and `patternProperties`: one expression of a
stranger's can hold a process for good.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from proxy.errors import BadRequest
from proxy.messages import Message, Prompt, Text

# References followed in one check. With them a small schema can ask for more
# steps than anybody has time for.
MOST_REFERENCES = 10_000
FAULT_CHARACTERS = 500

ALONE = "and with nothing else: no explanation, no code fence."
_FENCED = re.compile(r"```[a-zA-Z]*\s*\n(.*?)\n?\s*```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Format:
    param: str
    """The path of the schema in the request."""
    schema: Mapping[str, Any] | None = None
    """None: any JSON object."""


class _TooManyReferences(Exception):
    pass


def read_format(
    kind: str | None, schema: Mapping[str, Any] | None, param: str
) -> Format | None:
    """None for plain text. `param` is the path of the schema."""
    match kind:
        case None | "text":
            return None
        case "json_object":
            return Format(param)
        case "json_schema" if schema is not None:
            try:
                Draft202012Validator.check_schema(schema)
            except SchemaError as error:
                raise _refusal(param, f"no valid schema: {error.message}") from error
            except RecursionError as error:
                raise _refusal(param, "nested too deep") from error
            return Format(param, schema)
        case "json_schema":
            raise _refusal(param, "the schema is missing")
        case other:
            raise BadRequest(
                f"{param}: {other:.40} is not available here",
                param=param,
                code="unsupported_parameter",
            )


def asked(prompt: Prompt, wanted: Format) -> Prompt:
    """The prompt, with the form in its system text."""
    if wanted.schema is None:
        form = f"Answer with one JSON object {ALONE}"
    else:
        schema = msgspec.json.encode(wanted.schema).decode()
        form = f"Answer with one JSON value that fits this schema {ALONE}\n{schema}"
    if prompt.tools:
        form += "\nThis holds for your answer; tools may be called before it."
    return replace(prompt, system="\n\n".join(filter(None, [prompt.system, form])))


def asked_again(prompt: Prompt, answer: str, fault: str) -> Prompt:
    """After an answer that did not fit."""
    complaint = f"This does not fit: {fault}\nGive the answer again, whole, {ALONE}"
    return replace(
        prompt,
        messages=(
            *prompt.messages,
            Message("assistant", (Text(answer),)),
            Message("user", (Text(complaint),)),
        ),
    )


def bare(answer: str) -> str:
    """The JSON alone, as models like to put it between fences."""
    fenced = None if _is_json(answer) else _FENCED.search(answer)
    return (fenced[1] if fenced else answer).strip()


def misfit(answer: str, wanted: Format) -> str | None:
    """What is wrong with a bare answer; None if it fits."""
    try:
        value = msgspec.json.decode(answer)
    except (msgspec.DecodeError, RecursionError) as error:
        return f"it is not JSON: {error}"
    if wanted.schema is None:
        return None if isinstance(value, dict) else "it is not a JSON object"
    try:
        fault = next(_validator(wanted.schema).iter_errors(value), None)
    except (_TooManyReferences, RecursionError) as error:
        raise _refusal(wanted.param, "too complex to be checked") from error
    except Unresolvable as error:
        raise _refusal(wanted.param, "a reference leads nowhere") from error
    return f"{fault.json_path}: {fault.message}"[:FAULT_CHARACTERS] if fault else None


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _validator(schema: Mapping[str, Any]) -> Validator:
    """Fetches nothing, runs no expressions, and follows so many references only."""
    left = iter(range(MOST_REFERENCES))

    def reference(
        validator: Validator, target: str, value: Any, within: Any
    ) -> Iterator[ValidationError]:
        if next(left, None) is None:
            raise _TooManyReferences
        rule = Draft202012Validator.VALIDATORS["$ref"]
        yield from rule(validator, target, value, within) or ()

    def additional(
        validator: Validator, allowed: Any, value: Any, within: Any
    ) -> Iterator[ValidationError]:
        if "patternProperties" not in within:
            rule = Draft202012Validator.VALIDATORS["additionalProperties"]
            yield from rule(validator, allowed, value, within) or ()

    def unchecked(*_: Any) -> None:
        return None

    kind: type[Validator] = extend(  # type: ignore[no-untyped-call]
        Draft202012Validator,
        {
            "$ref": reference,
            "$dynamicRef": unchecked,
            "additionalProperties": additional,
            "pattern": unchecked,
            "patternProperties": unchecked,
            "unevaluatedProperties": unchecked,
        },
    )
    return kind(schema, registry=Registry())


def _refusal(param: str, why: str) -> BadRequest:
    return BadRequest(f"{param}: {why}"[:FAULT_CHARACTERS], param=param)
