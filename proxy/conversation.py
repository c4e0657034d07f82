"""Which conversation a request belongs to, so that upstream can cache by it."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from clients.keys import Client

# What Claude Code wrote before it sent JSON: user_<hash>_account__session_<uuid>
_SESSION = re.compile(r"_session_([0-9a-f-]{36})$")
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def conversation_id(
    client: Client, headers: Mapping[str, str], user_id: str = ""
) -> str:
    """Empty if the request names none. A session's name is hashed with the key
    that sent it: two people never share a conversation."""
    if (chosen := headers.get("x-conversation-id", "")) and _ID.fullmatch(chosen):
        return _hashed(client, chosen)
    session = headers.get("x-claude-code-session-id") or _session_of(user_id)
    return _hashed(client, session) if session else ""


def _hashed(client: Client, session: str) -> str:
    owner = "shared" if client.key_id is None else str(client.key_id)
    seed = hashlib.sha256(f"{owner}/{session}".encode()).digest()
    return str(uuid.UUID(bytes=seed[:16], version=4))


def _session_of(user_id: str) -> str:
    """`metadata.user_id` of Claude Code holds its session; of others, a user."""
    if found := _SESSION.search(user_id):
        return found[1]
    try:
        told: Any = json.loads(user_id)
    except ValueError:
        return user_id
    return str(told.get("session_id", "")) if isinstance(told, dict) else user_id
