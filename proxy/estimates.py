"""Token estimates that learn: upstream's own figures, kept for the next start.

What was learned is read once and then holds for the life of the process: the same
prompt is the same count, and a longer one is never less.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from weakref import WeakKeyDictionary

from clients import ratios
from clients.costs import rate_told
from proxy import settlements
from proxy.catalog import Model
from proxy.messages import Usage

TOKENS_LEAST = 1_000
"""Of shorter prompts what upstream itself puts before them says more."""

_held: WeakKeyDictionary[asyncio.AbstractEventLoop, Mapping[str, float]] = (
    WeakKeyDictionary()
)


async def token_ratio(model_id: str) -> float:
    """For Model.token_ratio; 1.0 until something was learned."""
    loop = asyncio.get_running_loop()
    if loop not in _held:
        learned = await ratios.load()
        _held.setdefault(loop, learned)  # the first to read decides, for all
    return _held[loop].get(model_id, 1.0)


def compare(model: Model, estimated: int, usage: Usage) -> None:
    """Hand over what a reply says of the estimates made for it. Never waits."""
    if usage.credits:
        told = rate_told(estimated, usage.output_tokens, usage.credits)
        settlements.learn_cost(model.upstream_id, told)
    if not usage.stated or estimated < TOKENS_LEAST:
        return
    counted = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    settlements.learn(model.upstream_id, counted / estimated * model.token_ratio)
