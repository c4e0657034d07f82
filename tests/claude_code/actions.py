"""What Claude Code is asked to do."""

from __future__ import annotations

from pathlib import Path

from tests.claude_code.builds import Build
from tests.directive import Json, call, directive, say


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
