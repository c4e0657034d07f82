"""Takes secrets out of text that leaves the process: the last line of defence.

Nothing of ours writes a secret into a log line on purpose. But texts of exceptions come
from libraries and from the other side, so every line passes here: whatever has the
shape of a credential is replaced, and so is each secret of the settings, whatever its
shape. What stands in quotes may be escaped, as in JSON inside of JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

GONE = "[redacted]"
# A shorter secret of the settings would take common words along.
SHORTEST = 8

_NAMES = (
    r"client_?secret|refresh_?token|access_?token|id_?token|api_?key|x-api-key"
    r"|(?:proxy-)?authorization|set-cookie|cookie|password|passwd"
)
_SHAPES = re.compile(
    "|".join(
        (
            r"(?P<scheme>\b(?:Bearer|Basic)\s+)[\w.~+/=:-]{6,}",
            rf"(?P<name>(?:{_NAMES})\\*[\"']?\s*[:=]\s*)"
            r"(?:\\*\"(?:[^\"\\]|\\+[^\"\\])*|'[^']*|[^\s\"'\\,;&}]+)",
            # The password in an address: a proxy's, a database's, a mail server's.
            r"(?P<user>://[^\s/:@\"']*:)[^\s/@\"']+(?=@)",
            # Kiro's refresh and access tokens and API keys, and client keys.
            r"\b(?:aor|aoa)[A-Za-z][\w:+/=.-]{12,}",
            r"\b(?:ksk_|sk-)[\w-]{8,}",
            # A JSON Web Token
            r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?",
        )
    ),
    re.IGNORECASE,
)


class Redaction:
    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """`secrets`: exact values to take out."""
        known = {secret for secret in secrets if len(secret) >= SHORTEST}
        ordered = sorted(known, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if known else None

    def __call__(self, text: str) -> str:
        if self._known:
            text = self._known.sub(GONE, text)
        return _SHAPES.sub(_without_secret, text)


def _without_secret(found: re.Match[str]) -> str:
    kept = found["scheme"] or found["name"] or found["user"] or ""
    if not found["name"]:
        return kept + GONE
    # The quote that opened the value stays, as does the one that closes it.
    value = found[0][len(kept) :]
    quote = re.match(r"\\*[\"']?", value)
    return kept + (quote[0] if quote else "") + GONE
