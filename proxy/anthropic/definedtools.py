"""The client's tools that the API defines: their clients send a type and no schema.

What they take is published with each type; the model upstream is told it here.
"""

from __future__ import annotations

from typing import Any

from proxy.messages import Tool

Schema = dict[str, Any]

_LINES: Schema = {
    "type": "array",
    "items": {"type": "integer"},
    "description": "view: the first and the last line, from 1; -1 for the end",
}


def defined_tool(kind: str, date: str, name: str) -> Tool | None:
    """`kind` and `date` of a type as in bash_20250124; None for kinds that are not
    the client's."""
    match kind:
        case "bash":
            return Tool(name, _BASH, _BASH_SCHEMA)
        case "text_editor":
            return Tool(name, _EDITOR, _editor_schema(can_undo=date < "20250429"))
        case "memory":
            return Tool(name, _MEMORY, _MEMORY_SCHEMA)
        case _:
            return None


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


def _line(description: str) -> Schema:
    return {"type": "integer", "description": description}


_BASH = (
    "Run a command in a bash shell. The shell stays open: variables, the working "
    "folder and files are as the last command left them."
)
_BASH_SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "command": _text("The command to run; needed unless restart is set"),
        "restart": {"type": "boolean", "description": "Start a new shell"},
    },
}

_EDITOR = (
    "View, create and edit text files. str_replace replaces the one place where "
    "old_str stands, exactly as it is written, white space included."
)


def _editor_schema(can_undo: bool) -> Schema:
    commands = ["view", "create", "str_replace", "insert"]
    inserted = "new_str" if can_undo else "insert_text"
    return {
        "type": "object",
        "properties": {
            "command": {
                "type": "string",
                "enum": [*commands, "undo_edit"] if can_undo else commands,
            },
            "path": _text("The file, or for view also the folder"),
            "view_range": _LINES,
            "file_text": _text("create: what is to stand in the file"),
            "old_str": _text("str_replace: the text to be replaced"),
            "new_str": _text("str_replace: the text in its place; nothing removes it"),
            "insert_line": _line(
                f"insert: the line after which {inserted} goes, 0 for the beginning"
            ),
            **({} if can_undo else {"insert_text": _text("insert: the text")}),
        },
        "required": ["command", "path"],
    }


_MEMORY = (
    "Keep notes in files below /memories that outlast this conversation: look "
    "there before you start, and write down what will be needed later."
)
_MEMORY_SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "command": {
            "type": "string",
            "enum": ["view", "create", "str_replace", "insert", "delete", "rename"],
        },
        "path": _text("The file or folder; not for rename"),
        "view_range": _LINES,
        "file_text": _text("create: what is to stand in the file"),
        "old_str": _text("str_replace: the text to be replaced"),
        "new_str": _text("str_replace: the text in its place"),
        "insert_line": _line("insert: the line after which insert_text goes"),
        "insert_text": _text("insert: the text"),
        "old_path": _text("rename: from"),
        "new_path": _text("rename: to"),
    },
    "required": ["command"],
}
