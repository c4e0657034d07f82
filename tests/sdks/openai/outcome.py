"""What a script of the simulator came to in a client, in one form for every SDK."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

Json = dict[str, Any]

MODEL = "claude-sonnet-4-20250514"
PARAMETERS: dict[str, Json] = {
    "get_weather": {"city": {"type": "string"}, "unit": {"type": "string"}},
    "get_time": {"zone": {"type": "string"}},
    "write_file": {"path": {"type": "string"}, "content": {"type": "string"}},
}
FUNCTIONS: list[Json] = [
    {
        "name": name,
        "description": f"It does {name}.",
        "parameters": {"type": "object", "properties": properties},
    }
    for name, properties in PARAMETERS.items()
]
CHAT: Json = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hi"}],
    "tools": [{"type": "function", "function": function} for function in FUNCTIONS],
    "reasoning_effort": "high",
}
RESPONSE: Json = {
    "model": MODEL,
    "input": "Hi",
    "tools": [{"type": "function", **function} for function in FUNCTIONS],
    "reasoning": {"effort": "high"},
    "store": False,
}


@dataclass(frozen=True)
class Outcome:
    error: Json | None
    answer: Json
    """What the gateway sent of it, without what is another in every answer."""

    @classmethod
    def of(cls, told: Json) -> Self:
        error = dict(told["error"] or {})
        error.pop("class", None)  # each SDK has its own
        answer = told["answer"] or {}
        ids = list(_ids(answer))
        assert len(set(ids)) == len(ids)
        return cls(error or None, _sent(answer))


def _ids(value: Any) -> Iterator[str]:
    match value:
        case dict():
            yield from (value[name] for name in ("id", "call_id") if name in value)
            for inner in value.values():
                yield from _ids(inner)
        case list():
            for inner in value:
                yield from _ids(inner)


# What is another in every answer; and what an SDK adds, or leaves as it was in the
# first of the chunks it puts together.
ITS_OWN = {"id", "call_id", "created", "created_at", "completed_at"}
ADDED = {"object", "index", "parsed", "parsed_arguments", "output_text"}
EMPTY: tuple[Any, ...] = (None, "", [], {})


def _sent(value: Any) -> Any:
    """Without what is empty, which an SDK leaves out or adds."""
    match value:
        case dict():
            kept = {
                name: _sent(inner)
                for name, inner in value.items()
                if name not in ITS_OWN | ADDED
            }
            return {name: inner for name, inner in kept.items() if inner not in EMPTY}
        case list():
            return [_sent(inner) for inner in value]
        case _:
            return value
