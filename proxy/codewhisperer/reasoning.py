"""How thinking, its effort and the token limit are asked for, model by model.

Models of the newer generations take `additionalModelRequestFields`, against a
closed schema: anything it does not name is a 400. Older Claude models are asked
in the text, by tags. The others cannot be asked.
"""

from __future__ import annotations

from typing import Any, assert_never

from proxy.catalog import Model
from proxy.messages import Effort, Prompt, ThinkingMode

LEAST_MAX_TOKENS, MOST_MAX_TOKENS = 1_024, 64_000
"""What the native field takes, whatever the model could write."""
TAG_BUDGET = (1_024, 24_576)
"""Tokens; the bounds other clients keep to."""

_EFFORTS: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")
_EFFORT_BY_BUDGET: tuple[tuple[int, Effort], ...] = ((4_096, "low"), (12_288, "medium"))
"""For models that take an effort where the client named a budget of tokens."""
_TAG_EFFORT: dict[Effort | None, str] = {"low": "low", "medium": "medium"}


def native_fields(prompt: Prompt, model: Model) -> dict[str, Any]:
    """R-NATIVE-FIELDS: `additionalModelRequestFields`, empty for none."""
    match model.thinking:
        case "claude":
            return _claude_fields(prompt, model)
        case "gpt":
            return _gpt_fields(prompt, model)
        case "tags" | "none":
            return {}
        case _:
            assert_never(model.thinking)


def thinking_tags(prompt: Prompt, model: Model) -> str:
    """R-THINKING-TAGS: what goes before the system text, or nothing."""
    if model.thinking != "tags":
        return ""
    match prompt.thinking:
        case ThinkingMode("enabled", budget):
            least, most = TAG_BUDGET
            length = min(max(budget or most, least), most)
            return (
                "<thinking_mode>enabled</thinking_mode>"
                f"<max_thinking_length>{length}</max_thinking_length>"
            )
        case ThinkingMode("adaptive"):
            effort = _TAG_EFFORT.get(prompt.effort, "high")
            return (
                "<thinking_mode>adaptive</thinking_mode>"
                f"<thinking_effort>{effort}</thinking_effort>"
            )
        case _:
            return ""


def _claude_fields(prompt: Prompt, model: Model) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    thinks = prompt.thinking is not None and prompt.thinking.kind != "disabled"
    if thinks:
        fields["thinking"] = {"type": "adaptive", "display": "summarized"}
    elif prompt.thinking is not None:
        fields["thinking"] = {"type": "disabled"}
    effort = _effort(prompt, model)
    if effort and (thinks or not model.effort_needs_thinking):
        fields["output_config"] = {"effort": effort}
    if LEAST_MAX_TOKENS <= (prompt.max_tokens or 0) <= MOST_MAX_TOKENS:
        fields["max_tokens"] = prompt.max_tokens
    return fields


def _gpt_fields(prompt: Prompt, model: Model) -> dict[str, Any]:
    if prompt.thinking is not None and prompt.thinking.kind == "disabled":
        return {"reasoning": {"effort": "none"}}
    effort = _effort(prompt, model)
    return {"reasoning": {"effort": effort}} if effort else {}


def _effort(prompt: Prompt, model: Model) -> Effort | None:
    """What was asked for, or the next weaker one that the model takes."""
    asked = prompt.effort or _effort_by_budget(prompt.thinking)
    if asked is None:
        return None
    not_stronger = _EFFORTS[: _EFFORTS.index(asked) + 1]
    return max(
        (effort for effort in model.efforts if effort in not_stronger),
        key=_EFFORTS.index,
        default=None,
    )


def _effort_by_budget(thinking: ThinkingMode | None) -> Effort | None:
    match thinking:
        case ThinkingMode("enabled", int() as budget):
            return next(
                (e for limit, e in _EFFORT_BY_BUDGET if budget <= limit), "high"
            )
        case _:
            return None
