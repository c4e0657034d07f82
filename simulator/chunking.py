"""Frames -> HTTP chunks: each by itself, in groups, or split anywhere. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from simulator.replies import Chunks, Hold, Wait


@dataclass(frozen=True, slots=True)
class Frame:
    data: bytes
    credits: float | None = None
    """What this frame meters."""


@dataclass(frozen=True, slots=True)
class Chunk:
    data: bytes
    credits: tuple[float, ...] = ()


Action: TypeAlias = Chunk | Wait | Hold


def in_chunks(flow: Iterable[Frame | Wait | Hold], chunks: Chunks) -> Iterator[Action]:
    held: list[Frame] = []
    for item in flow:
        if isinstance(item, Frame):
            held.append(item)
            if chunks.unit == "frames" and len(held) == chunks.size:
                yield _joined(held)
                held.clear()
        else:
            yield from _flushed(held, chunks)
            held.clear()
            yield item
    yield from _flushed(held, chunks)


def _joined(frames: list[Frame]) -> Chunk:
    credits = (frame.credits for frame in frames if frame.credits is not None)
    return Chunk(b"".join(frame.data for frame in frames), tuple(credits))


def _flushed(frames: list[Frame], chunks: Chunks) -> Iterator[Chunk]:
    if not frames:
        return
    whole = _joined(frames)
    if chunks.unit == "frames" or chunks.size is None:
        yield whole
        return
    starts = range(0, len(whole.data), chunks.size)
    for at in starts[:-1]:
        yield Chunk(whole.data[at : at + chunks.size])
    yield Chunk(whole.data[starts[-1] :], whole.credits)


def at_pace(actions: Iterable[Action], pace: float) -> Iterator[Action]:
    begun = False
    for action in actions:
        if pace and begun and isinstance(action, Chunk):
            yield Wait(pace)
        begun = True
        yield action
