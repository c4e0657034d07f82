"""A reply as values, read from the JSON that `simulator.scripts` describes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from simulator.eventstream import Part
from simulator.faults import Fault

End = Literal["clean", "close", "reset"]


@dataclass(frozen=True, slots=True)
class Say:
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    pieces: tuple[str, ...]
    signature: str | None
    """"auto" is made from the text, None is left out."""


@dataclass(frozen=True, slots=True)
class Redacted:
    data: str


@dataclass(frozen=True, slots=True)
class UseTool:
    names: tuple[str, ...]
    """The first that is offered; else the first."""
    fragments: tuple[str, ...] = ()
    id: str | None = None
    input: Mapping[str, Any] | None = None
    """Sent whole, as an object, in place of fragments."""
    stops: bool = True


@dataclass(frozen=True, slots=True)
class Emit:
    """Any event, known or not."""

    type: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Throw:
    """An exception frame."""

    type: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fail:
    """An error frame."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class Hold:
    gate: str


Framed: TypeAlias = Say | Reason | Redacted | UseTool | Emit | Throw | Fail


@dataclass(frozen=True, slots=True)
class Damaged:
    """The last frame of a step, corrupt or cut off; a cut ends the body."""

    step: Framed
    corrupt: Part | None = None
    cut: int | None = None


Step: TypeAlias = Framed | Damaged | Wait | Hold


@dataclass(frozen=True, slots=True)
class Usage:
    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None

    def total(self) -> int:
        return (
            self.input + self.output + (self.cache_read or 0) + (self.cache_write or 0)
        )


@dataclass(frozen=True, slots=True)
class Tail:
    """What closes an answer; "auto" is worked out, None is left out."""

    stop_reason: str | None = "auto"
    usage: Usage | Literal["auto"] | None = "auto"
    context_percentage: float | Literal["auto"] | None = "auto"
    credits: tuple[float, ...] | Literal["auto"] = "auto"


@dataclass(frozen=True, slots=True)
class Chunks:
    """How frames become HTTP chunks: so many frames, or so many bytes, in each."""

    unit: Literal["frames", "bytes"] = "frames"
    size: int | None = 1
    """None: all in one."""


@dataclass(frozen=True, slots=True)
class Stream:
    steps: tuple[Step, ...]
    tail: Tail | None = Tail()
    chunks: Chunks = Chunks()
    end: End = "clean"
    pace: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Http:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | dict[str, Any] = ""
    """A text goes out as it is, an object as JSON."""


@dataclass(frozen=True, slots=True)
class Reply:
    answer: Stream | Http | Fault
    delay: float = 0.0
    gate: str | None = None
    """Both come before the status line."""
