"""What a reply has cost so far, by the best source there is.

In order of trust: upstream's own token counts; its percentage of the context
window, which is input and output together; our estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from proxy.codewhisperer.payloads import TokenUsage
from proxy.messages import Usage


@dataclass(slots=True)
class Metered:
    """For whoever may leave a reply before its end."""

    credits: float = 0.0
    """As upstream has told; 0: it has not yet."""


@dataclass(slots=True)
class Meter:
    input_tokens: int
    """Estimated."""
    window: int
    """The model's, in tokens."""
    count_tokens: Callable[[str], int]
    credits: float = 0.0
    percentage: float | None = None
    tokens: TokenUsage | None = None
    output: list[str] = field(default_factory=list)
    """All that the model wrote, to be counted only if need be."""

    def add_stated(self, tokens: TokenUsage) -> None:
        if tokens.output_tokens is not None:
            self.tokens = tokens
        if tokens.context_usage_percentage is not None:
            self.percentage = tokens.context_usage_percentage

    def usage(self) -> Usage:
        if self.tokens is not None:
            return self._stated(self.tokens)
        output = self.count_tokens("".join(self.output)) if self.output else 0
        total = round((self.percentage or 0.0) * self.window / 100)
        known = total - output
        return Usage(
            input_tokens=known if known > 0 else self.input_tokens,
            output_tokens=output,
            credits=self.credits,
        )

    def _stated(self, tokens: TokenUsage) -> Usage:
        """`input_tokens` are those that no cache had to do with."""
        return Usage(
            input_tokens=tokens.uncached_input_tokens or 0,
            output_tokens=tokens.output_tokens or 0,
            cache_read_tokens=tokens.cache_read_input_tokens or 0,
            cache_write_tokens=tokens.cache_write_input_tokens or 0,
            credits=self.credits,
            stated=tokens.uncached_input_tokens is not None,
        )
