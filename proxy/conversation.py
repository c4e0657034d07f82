"""Which conversation a request belongs to, so that upstream can cache by it."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping

import msgspec

from clients.keys import Client
from kiro2api.requestid import ID

# What Claude Code wrote before it sent JSON: user_<hash>_account__session_<uuid>
_SESSION = re.compile(r"_session_([0-9a-f-]{36})$")


class _Told(msgspec.Struct):
    """`metadata.user_id` of today's Claude Code, which is JSON in a text."""

    session_id: str | None = None


def conversation_id(
    client: Client, headers: Mapping[str, str], user_id: str = ""
) -> str:
    """Empty if the request names none. A session's name is hashed with the key
    that sent it: two people never share a conversation."""
    chosen = headers.get("x-conversation-id", "")
    if not ID.fullmatch(chosen):
        chosen = headers.get("x-claude-code-session-id") or _session_of(user_id)
    return _hashed(client, chosen) if chosen else ""


def _hashed(client: Client, session: str) -> str:
    owner = "shared" if client.key_id is None else str(client.key_id)
    seed = hashlib.sha256(f"{owner}/{session}".encode()).digest()
    return str(uuid.UUID(bytes=seed[:16], version=4))


def _session_of(user_id: str) -> str:
    """Claude Code names its session; of others, the user has to do."""
    if found := _SESSION.search(user_id):
        return found[1]
    if not user_id.startswith("{"):
        return user_id
    try:
        told = msgspec.json.decode(user_id, type=_Told)
    except (msgspec.DecodeError, RecursionError):
        return user_id
    return told.session_id or ""
