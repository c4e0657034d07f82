"""An MCP server on standard input and output: many tools with long names.

`python mcp_server.py JOURNAL COUNT`: each call is a line of JSON in the journal.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

LONG = "looks_up_the_holdings_of_the_regional_archive_by_their_date"
SCHEMA = {
    "type": "object",
    "properties": {"year": {"type": "integer"}},
    "required": ["year"],
}


def tool_name(number: int) -> str:
    return f"shelf_{number}_{LONG}"


def answer(method: str, params: dict[str, Any], journal: Path, count: int) -> Any:
    match method:
        case "initialize":
            return {
                "protocolVersion": params["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "archive", "version": "1"},
            }
        case "tools/list":
            names = [tool_name(number) for number in range(count)]
            return {
                "tools": [
                    {"name": name, "description": "Looks it up", "inputSchema": SCHEMA}
                    for name in names
                ]
            }
        case "tools/call":
            with journal.open("a") as file:
                file.write(json.dumps([params["name"], params["arguments"]]) + "\n")
            year = params["arguments"]["year"]
            return {"content": [{"type": "text", "text": f"A letter of {year}"}]}
    return {}


def main() -> None:
    journal, count = Path(sys.argv[1]), int(sys.argv[2])
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:  # else a notification, which nobody answers
            params = message.get("params", {})
            result = answer(message["method"], params, journal, count)
            reply = {"jsonrpc": "2.0", "id": message["id"], "result": result}
            print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
