"""What the upstream is asked to say: turns of actions (simulator/directive.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.claude_code.builds import Build

Json = dict[str, Any]


def directive(*turns: list[Json]) -> str:
    return f"<<SIM:{json.dumps({'turns': turns})}:SIM>>"


def say(text: str) -> Json:
    return {"text": text}


def call(name: str, **arguments: Any) -> Json:
    return {"tool": name, "input": arguments}


def write(path: Path, text: str) -> Json:
    return call("Write", file_path=str(path), content=text)


def read(path: Path) -> Json:
    return call("Read", file_path=str(path))


def edit(path: Path, old: str, new: str) -> Json:
    return call("Edit", file_path=str(path), old_string=old, new_string=new)


def bash(command: str) -> Json:
    return call("Bash", command=command, description="a test")


def find_tools(build: Build, *names: str) -> list[list[Json]]:
    """The turns, none or one, that go before a call of what may be deferred."""
    if not build.defers_tools:
        return []
    return [[call("ToolSearch", query=f"select:{','.join(names)}")]]


def poem(workspace: Path) -> str:
    """Write, read, edit and look: one tool after the other."""
    file = workspace / "poem.txt"
    return "Write a poem. " + directive(
        [say("I will."), write(file, "roses are red\n")],
        [read(file)],
        [edit(file, "red", "blue")],
        [bash(f"cat {file} > seen.txt && echo done")],
        [say("The poem is written.")],
    )


def assert_poem_written(workspace: Path) -> None:
    assert (workspace / "poem.txt").read_text() == "roses are blue\n"
    assert (workspace / "seen.txt").read_text() == "roses are blue\n"
