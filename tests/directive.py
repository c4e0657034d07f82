"""What the upstream is asked to say: turns of actions (simulator/directive.py)."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]


def directive(*turns: list[Json]) -> str:
    return f"<<SIM:{json.dumps({'turns': turns})}:SIM>>"


def say(text: str) -> Json:
    return {"text": text}


def call(name: str, **arguments: Any) -> Json:
    return {"tool": name, "input": arguments}
