"""Thinking as the `encrypted_content` of a reasoning item, and back.

Clients keep it unread and send it back. It is a word that says what it is, and
what upstream gave us to be shown again: the signature, or the whole where the
model does not show its thinking.
"""

from __future__ import annotations

from proxy.messages import RedactedThinking, Thinking

SIGNATURE = "signature."
REDACTED = "redacted."


def seal(part: Thinking | RedactedThinking) -> str | None:
    match part:
        case Thinking(signature=signature):
            return SIGNATURE + signature if signature else None
        case RedactedThinking(data):
            return REDACTED + data


def unseal(text: str, sealed: str) -> Thinking | RedactedThinking:
    """What another service sealed means nothing here: its text is left."""
    if sealed.startswith(REDACTED):
        return RedactedThinking(sealed.removeprefix(REDACTED))
    signed = sealed.startswith(SIGNATURE)
    return Thinking(text, sealed.removeprefix(SIGNATURE) if signed else "")
