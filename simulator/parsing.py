"""The JSON of a reply, as `simulator.scripts` describes it -> values."""

import json
from collections.abc import Callable, Mapping
from typing import Any, get_args

from simulator.faults import Fault, named_fault
from simulator.replies import (
    Chunks,
    Damaged,
    Emit,
    End,
    Fail,
    Framed,
    Hold,
    Http,
    Reason,
    Redacted,
    Reply,
    Say,
    Step,
    Stream,
    Tail,
    Throw,
    Usage,
    UseTool,
    Wait,
)
from simulator.scripts import SCRIPTS

TOOL_PIECE = 24
FILL_PIECE = 400
FILL = "The quick brown fox jumps over the lazy dog. "

Members = dict[str, Any]


class BadReply(ValueError):
    """The JSON of a reply says something that no reply has."""


def parse_reply(value: Any) -> Reply:
    try:
        return _reply(value)
    except (LookupError, TypeError, ValueError, AttributeError) as fault:
        raise BadReply(f"{fault!r} in {value!r}") from fault


def cut_up(text: str, size: int) -> tuple[str, ...]:
    return tuple(text[at : at + size] for at in range(0, len(text), size))


def _reply(value: Any) -> Reply:
    if isinstance(value, str):
        value = {"script": value} if value in SCRIPTS else {"fault": value}
    members = dict(value)
    if "script" in members:
        members = SCRIPTS[members.pop("script")] | members
    delay, gate = members.pop("delay", 0.0), members.pop("gate", None)
    return Reply(_answer(members), delay, gate)


def _answer(members: Members) -> Stream | Http | Fault:
    if "fault" in members:
        return named_fault(**members)
    if "http" in members:
        return Http(**_only(members, "http"))
    steps = tuple(_step(step) for step in members.pop("steps"))
    end = members.pop("end", "clean")
    whole = end == "clean" and not any(map(_breaks_off, steps))
    tail = _tail(members.pop("tail", whole))
    chunks = _chunks(members.pop("chunks", {"frames": 1}))
    if end not in get_args(End):
        raise KeyError(end)
    return Stream(steps, tail, chunks, end, **members)


def _breaks_off(step: Step) -> bool:
    match step:
        case Throw() | Fail():
            return True
        case Damaged(cut=cut):
            return cut is not None
        case _:
            return False


def _tail(value: Any) -> Tail | None:
    if isinstance(value, bool):
        return Tail() if value else None
    members = {name: _or_none(child) for name, child in value.items()}
    if isinstance(members.get("usage"), dict):
        members["usage"] = Usage(**members["usage"])
    match members.get("credits", "auto"):
        case None:
            members["credits"] = ()
        case int() | float() as credits:
            members["credits"] = (credits,)
        case list() as credits:
            members["credits"] = tuple(credits)
    return Tail(**members)


def _or_none(value: Any) -> Any:
    return None if value is False else value


def _chunks(value: Any) -> Chunks:
    if value == "all":
        return Chunks("frames", None)
    ((unit, size),) = value.items()
    if unit not in ("frames", "bytes"):
        raise KeyError(unit)
    return Chunks(unit, size)


def _step(value: Mapping[str, Any]) -> Step:
    members = dict(value)
    if "wait" in members:
        return Wait(_only(members, "wait"))
    if "gate" in members:
        return Hold(_only(members, "gate"))
    corrupt, cut = members.pop("corrupt", None), members.pop("cut", None)
    (kind,) = members.keys() & READERS.keys()
    step = READERS[kind](members.pop(kind), **members)
    return step if corrupt is None and cut is None else Damaged(step, corrupt, cut)


def _only(members: Members, name: str) -> Any:
    value = members.pop(name)
    if members:
        raise KeyError(*members)
    return value


def _pieces(value: str | list[str]) -> tuple[str, ...]:
    pieces = (value,) if isinstance(value, str) else tuple(value)
    if not all(isinstance(piece, str) for piece in pieces):
        raise TypeError(value)
    return pieces


def _read_text(value: str | list[str]) -> Say:
    return Say(_pieces(value))


def _read_fill(size: int, piece: int = FILL_PIECE) -> Say:
    text = (FILL * (size // len(FILL) + 1))[:size]
    return Say(cut_up(text, piece))


def _read_thinking(value: str | list[str]) -> Say:
    return Say(("<thinking>", *_pieces(value), "</thinking>\n\n"))


def _read_reasoning(value: str | list[str], signature: str | bool = "auto") -> Reason:
    return Reason(_pieces(value), _or_none(signature))


def _read_tool(
    names: str | list[str],
    input: dict[str, Any] | None = None,
    id: str | None = None,
    piece: int = TOOL_PIECE,
    fragments: list[str] | None = None,
    stop: bool = True,
    as_object: bool = False,
) -> UseTool:
    if as_object:
        return UseTool(_pieces(names), (), id, input, stop)
    if fragments is None:
        text = "" if input is None else json.dumps(input, ensure_ascii=False)
        fragments = [*cut_up(text, piece)]
    return UseTool(_pieces(names), tuple(fragments), id, None, stop)


def _read_event(kind: str, payload: dict[str, Any] | None = None) -> Emit:
    return Emit(kind, payload or {})


def _read_exception(kind: str, message: str = "", reason: str | None = None) -> Throw:
    payload = {"message": message} | ({} if reason is None else {"reason": reason})
    return Throw(kind, payload)


READERS: dict[str, Callable[..., Framed]] = {
    "text": _read_text,
    "fill": _read_fill,
    "thinking": _read_thinking,
    "reasoning": _read_reasoning,
    "redacted": Redacted,
    "tool": _read_tool,
    "event": _read_event,
    "exception": _read_exception,
    "error": Fail,
}
