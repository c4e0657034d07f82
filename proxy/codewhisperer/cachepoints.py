"""Where upstream is told to keep the beginning of a request, to read it cheaper
when it comes again.

R-CACHE-POINT: a point stands behind what the client marked, for a model that caches:
at the end of the tools, and on turns. The system text has no place of its own: its
point is that of the first turn, which it opens.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from proxy.codewhisperer.history import Turn
from proxy.messages import Prompt

POINT = {"type": "default"}
MAX_POINTS = 4
"""Per request: as many as a client of the Messages API may set, and the models
behind both of them take."""


def cached_turns(
    prompt: Prompt, turns: Sequence[Turn], points_left: int
) -> Collection[int]:
    """Which turns get a point: of too many the newest, behind which most is kept."""
    marked = [
        at for at, turn in enumerate(turns) if turn.cache or (prompt.cache and at == 0)
    ]
    return marked[-points_left:] if points_left else ()
